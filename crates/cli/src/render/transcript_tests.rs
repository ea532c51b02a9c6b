use super::*;
use crate::render::screen::LiveRow;

const SESSION: &str = "ses_01900000000070008000000000a3f9a1";

/// A transcript that is fed with events written as their own part, a second apart.
struct Show {
    transcript: Transcript,
    seq: u64,
    out: String,
}

fn look() -> Look {
    Look {
        style: Style { color: false, unicode: true, plain: false },
        thoughts: Thoughts::Folded,
        tools: Amount::Short,
        diff: Amount::Short,
        tool_lines: 4,
        diff_lines: 60,
        prompts: false,
        turn_ends: false,
        verbose: false,
        id: "k3f9a1".to_owned(),
        agent: "codex".to_owned(),
        cwd: "/home/ana/shop".to_owned(),
        permissions: "ask".to_owned(),
        home: Some("/home/ana".to_owned()),
        started: true,
        from_start: true,
    }
}

impl Show {
    fn new(look: Look) -> Self {
        let screen = Screen::new(80, !look.style.plain, ("", ""), "…");
        Self { transcript: Transcript::new(look, screen), seq: 0, out: String::new() }
    }

    fn event(&mut self, event: &str) -> &mut Self {
        self.event_of("", event)
    }

    fn event_of(&mut self, command: &str, event: &str) -> &mut Self {
        self.seq += 1;
        let (seq, at) = (self.seq, at(self.seq));
        let command = if command.is_empty() { String::new() } else { format!(r#""command":"{command}","#) };
        let json = format!(r#"{{"session":"{SESSION}","seq":{seq},"at":"{at}",{command}{event}}}"#);
        self.transcript.event(&SessionEvent::from_json(&json).expect("an event"));
        self.frame();
        self
    }

    fn frame(&mut self) {
        if let Some(frame) = self.transcript.screen.frame() {
            self.out.push_str(&frame);
        }
    }

    fn end(&mut self) -> String {
        self.transcript.finish();
        self.frame();
        std::mem::take(&mut self.out)
    }
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_second(1_795_252_440 + i64::try_from(second).expect("small")).expect("a time")
}

fn say(message: char, channel: &str, text: &str) -> String {
    let text = serde_json::to_string(text).expect("a text");
    format!(
        r#""type":"message_appended","message":"msg_0190000000007000800000000000000{message}","role":"agent","channel":"{channel}","content":{{"type":"text","text":{text}}}"#
    )
}

fn tool(json: &str) -> String {
    format!(r#""type":"tool_call_updated","tool_call":{json}"#)
}

const STARTED: &str = r#""type":"agent_session_started","agent_session_id":"x","how":"new""#;
const INITIALIZED: &str =
    r#""type":"agent_initialized","name":"codex","version":"2.6.0","protocol_version":1,"capabilities":{}"#;
const ENDED: &str = r#""type":"turn_ended","stop_reason":"end_turn""#;
const REQUEST: &str = "prm_01900000000070008000000000007d01";

#[test]
fn the_page_of_the_command_line() {
    let mut show = Show::new(look());
    show.event(INITIALIZED).event(STARTED);
    show.event(&say('1', "thought", "hm")).event(&say('1', "thought", "so")).event(&say('1', "thought", "yes"));
    show.event(&say('2', "answer", "I'll look at the ")).event(&say('2', "answer", "failing test first.\n\n"));
    show.event(&tool(r#"{"id":"r","title":"Read src/cart.rs","kind":"read","status":"in_progress","locations":[{"path":"/home/ana/shop/src/cart.rs"}]}"#));
    show.event(&tool(
        r#"{"id":"r","status":"completed","content":[{"type":"content","content":{"type":"text","text":"a\nb"}}]}"#,
    ));
    show.event(&tool(r#"{"id":"x","title":"`cargo test`","kind":"execute","status":"in_progress","raw_input":{"command":["cargo","test","-p","shop","cart"]}}"#));
    let output: Vec<String> = (1..=20).map(|n| format!("line {n}")).collect();
    let output = serde_json::json!({"id":"x","status":"failed","content":[{"type":"content","content":{"type":"text","text":format!("```console\n{}\n```", output.join("\n"))}}],"raw_output":{"exit_code":101}});
    show.event(&tool(&output.to_string()));
    show.event(&tool(r#"{"id":"e","title":"Edit src/cart.rs","kind":"edit","status":"completed","content":[{"type":"diff","path":"/home/ana/shop/src/cart.rs","old_text":"a\nb\nc\n","new_text":"a\nB\nc\n"}]}"#));
    show.event(&format!(r#""type":"permission_requested","request":"{REQUEST}","tool_call":{{"id":"p","title":"push","kind":"execute","raw_input":{{"command":"git push origin HEAD:main"}}}},"options":[]"#));
    show.transcript.mine("key-1");
    show.event_of("key-1", &format!(r#""type":"permission_decided","request":"{REQUEST}","option_id":"no","decision":"reject_once","by":"local""#));
    show.event(&tool(r#"{"id":"p","status":"failed"}"#));
    show.event(&say('3', "answer", "The test passes now. I did not push.")).event(ENDED);
    let expected = "\
session k3f9a1 · codex 2.6.0 · ~/shop · permissions ask
~ thought for 3 s
I'll look at the failing test first.
+ read  src/cart.rs                                                    1.0 s
x run   cargo test -p shop cart                              1.0 s  exit 101
    line 1
    ... 15 lines not shown: convene show k3f9a1 --tool 2
    line 17
    line 18
    line 19
    line 20
+ edit  src/cart.rs  +1 -1                                              0 ms
    @@ -1,3 +1,3 @@
     a
    -b
    +B
     c
- rejected by you: git push origin HEAD:main
The test passes now. I did not push.
";
    assert_eq!(show.end(), expected);
}

#[test]
fn upserts_make_one_row() {
    let mut show = Show::new(look());
    show.event(STARTED);
    show.event(&tool(r#"{"id":"a","title":"one","kind":"search","status":"pending"}"#));
    show.event(&tool(r#"{"id":"a","title":"two","status":"in_progress"}"#));
    show.event(&tool(r#"{"id":"a","status":"completed"}"#)).event(&tool(r#"{"id":"a","status":"completed"}"#));
    let drawn = show.end();
    assert_eq!(drawn.matches("two").count(), 1, "{drawn}");
    assert_eq!(drawn.matches("one").count(), 0, "{drawn}");
}

#[test]
fn a_call_without_an_end_is_cut_off_with_its_turn() {
    let mut show = Show::new(look());
    show.event(STARTED).event(&tool(r#"{"id":"a","title":"sleep 100","kind":"execute","status":"in_progress"}"#));
    show.event(ENDED);
    let drawn = show.end();
    assert!(drawn.lines().any(|line| line.starts_with("- run   sleep 100") && line.ends_with("cut off")), "{drawn}");
}

#[test]
fn others_are_named() {
    let decided = |decision: &str, by: &str| {
        format!(r#""type":"permission_decided","request":"{REQUEST}","decision":"{decision}","by":"{by}""#)
    };
    for (decision, by, expected) in [
        ("allow_once", "ana", "- allowed once by ana: ls\n"),
        ("reject_once", "timeout", "- rejected because nobody answered in time: ls\n"),
        ("reject_once", "policy", "- rejected by permissions ask: ls\n"),
        ("allow_once", "policy", ""),
        ("cancelled", "cancel", "- cancelled with the turn: ls\n"),
    ] {
        let mut show = Show::new(look());
        show.event(STARTED).end();
        show.event(&format!(r#""type":"permission_requested","request":"{REQUEST}","tool_call":{{"id":"p","title":"ls","kind":"execute"}},"options":[]"#));
        show.event(&decided(decision, by));
        assert_eq!(show.end(), expected, "{decision} by {by}");
    }
}

#[test]
fn foreign_text_cannot_touch_the_terminal() {
    let mut show = Show::new(look());
    show.event(STARTED);
    show.event(&say('1', "answer", "a\x1b]52;c;eA==\x07b \x1b[2Jc\u{202e}d\r\n"));
    show.event(&tool(r#"{"id":"a","title":"x\u001b[31my\nz","kind":"other","status":"completed","content":[{"type":"content","content":{"type":"text","text":"o\u001b[1mut\u0007"}}]}"#));
    show.event(r#""type":"session_waiting","reason":"no_seat","detail":"wait\u001b[5m""#);
    let drawn = show.end();
    assert!(drawn.chars().all(|c| c == '\n' || !c.is_control()), "{drawn:?}");
    assert!(drawn.contains("ab cd\n") && drawn.contains("xy z") && drawn.contains("out"), "{drawn}");
}

#[test]
fn plain_uses_words_and_says_when_a_tool_starts() {
    let mut plain = look();
    plain.style = Style { color: false, unicode: false, plain: true };
    let mut show = Show::new(plain);
    show.event(STARTED).event(&tool(r#"{"id":"a","title":"ls","kind":"execute","status":"in_progress"}"#));
    show.event(&tool(r#"{"id":"a","status":"failed"}"#));
    let drawn = show.end();
    let lines: Vec<&str> = drawn.lines().collect();
    assert_eq!(lines[0], "session k3f9a1 - codex - ~/shop - permissions ask");
    assert_eq!(lines[1], "started: run   ls");
    assert!(lines[2].starts_with("failed: run   ls "), "{drawn}");
    let facts = Facts::default();
    show.transcript.tick(&facts, None, at(100));
    show.transcript.tick(&facts, None, at(131));
    assert!(show.end().starts_with("still running"), "a sign of life every 30 s");
}

#[test]
fn no_line_has_trailing_blanks_and_prose_is_one_logical_line() {
    let mut show = Show::new(look());
    let long = "word ".repeat(400);
    show.event(STARTED).event(&say('1', "answer", &long)).event(&say('1', "answer", "end   \n  \nnext"));
    show.event(&tool(r#"{"id":"a","title":"ls","kind":"execute","status":"completed","content":[{"type":"content","content":{"type":"text","text":"out   \n\n\nmore  \n"}}]}"#));
    let drawn = show.end();
    assert!(drawn.lines().all(|line| line.trim_end() == line), "{drawn:?}");
    assert!(drawn.lines().any(|line| line.matches("word").count() == 400));
}

#[test]
fn the_live_row_is_below_a_finished_line_only() {
    let mut show = Show::new(look());
    let facts = Facts::default();
    show.event(STARTED).end();
    show.transcript.tick(&facts, None, at(2));
    show.frame();
    assert_eq!(show.out, "\x1b[?7l⠙ starting codex · Ctrl-C cancels\x1b[?7h\r");
    show.out.clear();
    show.event(&say('1', "answer", "open"));
    assert_eq!(show.out, "\x1b[K\x1b[Jopen", "the row is erased and not drawn again under an open line");
    show.out.clear();
    show.transcript.tick(&facts, None, at(3));
    show.frame();
    assert_eq!(show.out, "");
    show.transcript.tick(&facts, None, at(60));
    show.frame();
    assert!(show.out.starts_with("\n\x1b[?7l"), "after silence the line is closed: {:?}", show.out);
}

#[test]
fn a_row_wider_than_the_terminal_is_cut() {
    let mut screen = Screen::new(20, true, ("", ""), "…");
    screen.live(Some(LiveRow::Text("status text that is longer than twenty columns".to_owned())));
    let frame = screen.frame().expect("a row");
    assert_eq!(frame, "\x1b[?7lstatus text that i…\x1b[?7h\r");
    assert_eq!(screen.frame(), None, "nothing changed");
    assert_eq!(screen.leave().as_deref(), Some("\x1b[K\x1b[J"));
}

#[test]
fn logs_say_each_prompt_when_its_turn_starts_and_how_the_turn_ended() {
    let of = |turn: u8, event: &str| format!(r#""turn":"trn_0193a1c400007000800000000000000{turn}",{event}"#);
    let mut logs = look();
    (logs.prompts, logs.turn_ends) = (true, true);
    let mut show = Show::new(logs);
    show.event(&of(1, r#""type":"turn_queued","content":[{"type":"text","text":"fix it\nplease"}]"#));
    show.event(&of(1, r#""type":"turn_started","number":1"#)).event(STARTED);
    show.event(&of(2, r#""type":"turn_queued","content":[{"type":"text","text":"dont"}]"#));
    show.event(&of(2, r#""type":"queue_entry_edited","content":[{"type":"text","text":"do not"}]"#));
    show.event(&of(3, r#""type":"turn_queued","content":[{"type":"text","text":"later"}]"#));
    show.event(&say('1', "answer", "ok")).event(&of(1, r#""type":"turn_ended","stop_reason":"end_turn""#));
    show.event(&of(2, r#""type":"turn_started","number":2"#));
    let text = show.end();
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(rows[..3], ["> fix it", "> please", "ok"]);
    assert!(rows[3].starts_with("~ turn 1 done in 0:"), "{}", rows[3]);
    assert_eq!(rows[4..], ["> do not", "~ a prompt waits: later"]);
}

#[test]
fn unknown_events_are_no_rows() {
    let mut show = Show::new(look());
    show.event(STARTED).end();
    show.event(r#""type":"from_the_future","x":1"#);
    assert_eq!(show.end(), "");
}
