//! Shows requests and answers as they were in a real run, with other names; a test checks them against the schemas.

use serde_json::{Map, Value};

const EXAMPLES: &str = include_str!("examples.json");

/// Puts the examples of each operation where its body and its good answers are described.
pub fn show(document: &mut Value) {
    // The file is written by a test and read by another one.
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let Some(Value::Object(paths)) = document.get_mut("paths") else { return };
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
        let Some(example) = examples.get(id) else { continue };
        if let (Some(request), Some(body)) =
            (example.get("request"), operation.pointer_mut("/requestBody/content/application~1json"))
        {
            body["example"] = request.clone();
        }
        let Some(Value::Object(responses)) = operation.get_mut("responses") else { continue };
        for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
            let answer = example.get(status);
            if let (Some(answer), Some(content)) = (answer, response.pointer_mut("/content/application~1json")) {
                content["example"] = answer.clone();
            }
        }
    }
}
