//! What is built in.

use convene_web::{Content, FILES};

#[test]
fn the_shell_has_a_place_for_the_nonce_and_everything_it_names_is_there() {
    let shell = FILES.iter().find(|file| file.path == "/index.html").expect("the shell");
    let Content::Plain(shell) = shell.content else { panic!("the shell is written anew in every answer") };
    let shell = std::str::from_utf8(shell).unwrap();
    assert!(shell.contains("__NONCE__"), "{shell}");
    let named: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|mark| shell.split(mark).skip(1).filter_map(|rest| rest.split('"').next()))
        .collect();
    assert!(!named.is_empty(), "{shell}");
    for path in named {
        assert!(FILES.iter().any(|file| file.path == path), "{path} is named and not built in");
    }
}

#[test]
fn scripts_and_styles_are_built_in_compressed() {
    let large = |file: &&convene_web::File| file.path.starts_with("/assets/") && file.path.ends_with(".js");
    let scripts: Vec<_> = FILES.iter().filter(large).collect();
    assert!(!scripts.is_empty());
    assert!(scripts.iter().any(|file| matches!(file.content, Content::Packed { .. })));
    for file in scripts {
        if let Content::Packed { brotli, gzip } = file.content {
            assert!(!brotli.is_empty() && gzip.starts_with(&[0x1f, 0x8b]), "{}", file.path);
        }
    }
    assert!(FILES.is_sorted_by_key(|file| file.path));
}
