use super::*;

const TEXT: &str = "ses_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b";

#[test]
fn an_id_has_one_spelling() {
    let id: SessionId = TEXT.parse().unwrap();
    assert_eq!(id.to_string(), TEXT);
    assert_eq!(format!("{id:?}"), TEXT);
    assert_eq!(format!("{id:>40}"), format!("    {TEXT}"));
    assert_eq!(id.short(), "3f4a5b");
    assert_eq!(SessionId::new(id.uuid()), id);
    for wrong in [
        "",
        "ses_",
        "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b",
        "thr_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b",
        "ses_0190A1B2C3D47E5F8A9B0C1D2E3F4A5B",
        "ses_0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
        "ses_{0190a1b2c3d47e5f8a9b0c1d2e3f4a}",
        "ses_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b0",
        " ses_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b",
        "ses_../../../../etc/passwd_123456789",
    ] {
        let error = wrong.parse::<SessionId>().unwrap_err();
        assert_eq!((error.prefix, error.text.as_str()), ("ses_", wrong));
    }
}

#[test]
fn an_id_is_text_in_json() {
    let id: SessionId = TEXT.parse().unwrap();
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, format!("\"{TEXT}\""));
    assert_eq!(serde_json::from_str::<SessionId>(&json).unwrap(), id);
    // Escaped, and as a key.
    assert_eq!(serde_json::from_str::<SessionId>(&json.replace('s', "\\u0073")).unwrap(), id);
    let map = std::collections::BTreeMap::from([(id, 1)]);
    let json = serde_json::to_string(&map).unwrap();
    assert_eq!(serde_json::from_str::<std::collections::BTreeMap<SessionId, i32>>(&json).unwrap(), map);
    for wrong in ["3", "null", "\"trn_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b\""] {
        let error = serde_json::from_str::<SessionId>(wrong).unwrap_err().to_string();
        assert!(error.contains("ses_"), "{error}");
    }
}

#[test]
fn ids_sort_by_their_creation() {
    let older: TurnId = "trn_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().unwrap();
    let newer: TurnId = "trn_0190a1b2c3d57e5f8a9b0c1d2e3f4a5b".parse().unwrap();
    assert!(older < newer && older.to_string() < newer.to_string());
}
