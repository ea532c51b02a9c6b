use super::*;

#[test]
fn servers_come_into_the_shape_that_agents_take() {
    let given = vec![
        json!({"name": "a", "command": "x"}),
        json!({"type": "stdio", "name": "b", "command": "x", "args": ["y"], "env": {"K": "v"}}),
        json!({"type": "http", "name": "c", "url": "https://example.com/mcp", "headers": [{"name": "H", "value": "v"}]}),
        json!({"type": "sse", "name": "d", "url": "http://127.0.0.1:1"}),
    ];
    let taken = vec![
        json!({"name": "a", "command": "x", "args": [], "env": []}),
        json!({"type": "stdio", "name": "b", "command": "x", "args": ["y"], "env": [{"name": "K", "value": "v"}]}),
        json!({"type": "http", "name": "c", "url": "https://example.com/mcp", "headers": [{"name": "H", "value": "v"}]}),
        json!({"type": "sse", "name": "d", "url": "http://127.0.0.1:1", "headers": []}),
    ];
    assert_eq!(mcp_servers(given), Ok(taken));
}

#[test]
fn what_is_no_server_is_told_without_its_values() {
    let secret = "hunter2hunter2";
    let cases = [
        json!(secret),
        json!([secret]),
        json!({"name": "a"}),
        json!({"name": "", "command": "x"}),
        json!({"command": "x"}),
        json!({"name": "a", "command": ["x"]}),
        json!({"name": "a", "command": "x", "args": secret}),
        json!({"name": "a", "command": "x", "args": [1]}),
        json!({"name": "a", "command": "x", "env": [secret]}),
        json!({"name": "a", "command": "x", "env": {"A": [secret]}}),
        json!({"name": "a", "command": "x", "env": {"A=B": secret}}),
        json!({"name": "a", "command": "x", "env": {"CONVENE_TOKEN": secret}}),
        json!({"name": "a", "command": "x", "comand": secret}),
        json!({"name": "a", "command": "x", "url": "http://a"}),
        json!({"type": "http", "name": "a", "url": "file:///etc/passwd"}),
        json!({"type": "http", "name": "a", "url": "http://a", "headers": {"A": format!("{secret}\r\nB: c")}}),
        json!({"type": "carrier-pigeon", "name": "a"}),
    ];
    for case in cases {
        let problem = mcp_servers(vec![case.clone()]).unwrap_err();
        assert!(problem.detail.contains("mcp_servers[0]"), "{case}: {problem:?}");
        assert!(!format!("{problem:?}").contains(secret), "{case}: {problem:?}");
    }
    assert!(mcp_servers(vec![json!({"name": "a", "command": "x"}); SERVERS_MAX + 1]).is_err());
}
