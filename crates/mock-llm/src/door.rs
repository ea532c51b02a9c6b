//! Which API a request means, by its path: base URLs differ from client to client, so only the end of it counts.

use crate::talk::Provider;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// A reply.
    Reply(Target),
    /// The number of tokens of a request.
    Count(Target),
    /// The models, or one of them.
    Models {
        /// Whose format.
        provider: Provider,
        /// Which one; all when there is none.
        name: Option<String>,
    },
    /// A reply of OpenAI's that is kept.
    Kept(String),
}

/// Whose API, and what its path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whose.
    pub provider: Provider,
    /// The model, where the path names it.
    pub model: Option<String>,
    /// Whether the path asks for a stream.
    pub stream: bool,
}

/// Finds the door. `anthropic` tells a client of Anthropic's by its headers, where the paths are the same.
pub fn find(path: &str, anthropic: bool) -> Option<Door> {
    let path = path.trim_end_matches('/');
    let reply = |provider| Some(Door::Reply(Target { provider, model: None, stream: false }));
    if path.ends_with("/messages") {
        return reply(Provider::Anthropic);
    }
    if path.ends_with("/messages/count_tokens") {
        return Some(Door::Count(Target { provider: Provider::Anthropic, model: None, stream: false }));
    }
    if path.ends_with("/chat/completions") {
        return reply(Provider::Chat);
    }
    if path.ends_with("/responses") {
        return reply(Provider::Responses);
    }
    if let Some((_, id)) = path.rsplit_once("/responses/") {
        return Some(Door::Kept(id.to_owned()));
    }
    if let Some((_, rest)) = path.split_once("/model/") {
        let (model, method) = rest.rsplit_once('/')?;
        let stream = match method {
            "converse" => false,
            "converse-stream" => true,
            _ => return None,
        };
        let model = Some(decoded(model));
        return Some(Door::Reply(Target { provider: Provider::Bedrock, model, stream }));
    }
    models(path, anthropic)
}

fn models(path: &str, anthropic: bool) -> Option<Door> {
    let gemini = path.contains("/v1beta") || path.contains("/v1alpha") || path.contains("/publishers/google");
    let provider = match (gemini, anthropic) {
        (true, _) => Provider::Gemini,
        (false, true) => Provider::Anthropic,
        (false, false) => Provider::Chat,
    };
    if path.ends_with("/models") {
        return Some(Door::Models { provider, name: None });
    }
    let (_, name) = path.rsplit_once("/models/")?;
    let Some((model, method)) = name.rsplit_once(':') else {
        return Some(Door::Models { provider, name: Some(decoded(name)) });
    };
    let target = |stream| Target { provider: Provider::Gemini, model: Some(decoded(model)), stream };
    match method {
        "generateContent" => Some(Door::Reply(target(false))),
        "streamGenerateContent" => Some(Door::Reply(target(true))),
        "countTokens" => Some(Door::Count(target(false))),
        // Names of fine-tuned models hold colons.
        _ => Some(Door::Models { provider, name: Some(decoded(name)) }),
    }
}

/// Undoes `%3A` and its like; what is not one stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten().and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[path = "door_tests.rs"]
mod tests;
