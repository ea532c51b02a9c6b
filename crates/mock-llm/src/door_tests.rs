//! Every path that a client of the five APIs calls leads to its door.

use super::{Door, Target, find};
use crate::talk::Provider;

fn reply(provider: Provider, model: Option<&str>, stream: bool) -> Option<Door> {
    Some(Door::Reply(Target { provider, model: model.map(str::to_owned), stream }))
}

#[test]
fn paths() {
    for (path, door) in [
        ("/v1/messages", reply(Provider::Anthropic, None, false)),
        ("/anthropic/v1/messages/", reply(Provider::Anthropic, None, false)),
        ("/v1/responses", reply(Provider::Responses, None, false)),
        ("/chat/completions", reply(Provider::Chat, None, false)),
        ("/v1beta/models/a-b.1:generateContent", reply(Provider::Gemini, Some("a-b.1"), false)),
        ("/v1beta/models/tuned%2Fx:streamGenerateContent", reply(Provider::Gemini, Some("tuned/x"), true)),
        ("/model/us.anthropic.x-v1%3A0/converse-stream", reply(Provider::Bedrock, Some("us.anthropic.x-v1:0"), true)),
        ("/model/us.anthropic.x-v1:0/converse", reply(Provider::Bedrock, Some("us.anthropic.x-v1:0"), false)),
        ("/model/x/invoke", None),
        ("/v1/responses/resp_1", Some(Door::Kept("resp_1".to_owned()))),
        ("/v1/models", Some(Door::Models { provider: Provider::Chat, name: None })),
        ("/v1beta/models/x", Some(Door::Models { provider: Provider::Gemini, name: Some("x".to_owned()) })),
        ("/v1/nothing", None),
        ("/", None),
    ] {
        assert_eq!(find(path, false), door, "{path}");
    }
    let models = Some(Door::Models { provider: Provider::Anthropic, name: None });
    assert_eq!(find("/v1/models", true), models);
}
