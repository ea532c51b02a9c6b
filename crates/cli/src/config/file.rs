//! Reads the file; every complaint names the file, the line and the nearest name.

use std::{collections::BTreeMap, io, path::Path};

use convene_api::problem::{Code, Problem};
use convene_core::catalogue::nearest;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Config, Origin, Origins,
    keys::{self, ENTRY_KEYS, KEYS, TABLES},
    value::Raw,
};
use crate::failure::Failure;

/// Puts what the text says into the config.
pub fn read(text: &str, path: &Path, config: &mut Config, origins: &mut Origins) -> Result<(), Failure> {
    let reader = Reader { text, path };
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| reader.line(span.start));
        reader.invalid(line, error.message())
    })?;
    for (section, value) in table.get_ref() {
        let name = section.get_ref();
        let Some(entries) = value.get_ref().as_table() else {
            return Err(reader.not_a_table(section));
        };
        if TABLES.contains(&name.as_ref()) {
            reader.named(name, entries, config, origins)?;
        } else {
            reader.section(section, entries, config, origins)?;
        }
    }
    Ok(())
}

/// The failure of a file that cannot be read.
pub fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => format!("it cannot be read: {error}"),
    };
    // No line is at fault.
    let file = path.display().to_string();
    Problem::new(Code::ConfigInvalid, format!("{file}: {why}")).with("file", file).with("why", why).into()
}

fn invalid(path: &Path, line: usize, why: &str) -> Failure {
    let fields =
        [("file", path.display().to_string().into()), ("line", line.into()), ("why", why.trim().to_owned().into())];
    Problem::filled(Code::ConfigInvalid, fields).into()
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Reader<'_> {
    fn section(
        &self,
        section: &Spanned<Text<'_>>,
        entries: &DeTable<'_>,
        config: &mut Config,
        origins: &mut Origins,
    ) -> Result<(), Failure> {
        let name = section.get_ref();
        let known = KEYS.iter().any(|key| key.split_once('.').is_some_and(|(s, _)| s == name));
        if !known {
            let sections =
                KEYS.iter().filter_map(|key| key.split_once('.')).map(|(s, _)| s).chain(TABLES.iter().copied());
            return Err(self.unknown(section, name, nearest(name, sections).first().copied()));
        }
        for (key, value) in entries {
            let full = format!("{name}.{}", key.get_ref());
            match keys::set(config, &full, raw(value.get_ref())) {
                Ok(true) => origins.set(&full, Origin::File { line: self.line(key.span().start) }),
                Ok(false) => return Err(self.unknown(key, &full, keys::nearest_key(&full))),
                Err(why) => return Err(self.invalid(self.line(value.span().start), &format!("{full}: {why}"))),
            }
        }
        Ok(())
    }

    fn named(
        &self,
        table: &str,
        entries: &DeTable<'_>,
        config: &mut Config,
        origins: &mut Origins,
    ) -> Result<(), Failure> {
        for (name, entry) in entries {
            let Some(fields) = entry.get_ref().as_table() else { return Err(self.not_a_table(name)) };
            for (key, value) in fields {
                let full = format!("{table}.{}.{}", name.get_ref(), key.get_ref());
                match keys::set_entry(config, table, name.get_ref(), key.get_ref(), raw(value.get_ref())) {
                    Ok(true) => origins.set(&full, Origin::File { line: self.line(key.span().start) }),
                    Ok(false) => {
                        let near = nearest(key.get_ref(), ENTRY_KEYS.iter().copied());
                        return Err(self.unknown(key, &full, near.first().copied()));
                    }
                    Err(why) => return Err(self.invalid(self.line(value.span().start), &format!("{full}: {why}"))),
                }
            }
            if !fields.keys().any(|key| key.get_ref() == "command") {
                let why = format!("{table}.{} has no command", name.get_ref());
                return Err(self.invalid(self.line(name.span().start), &why));
            }
        }
        Ok(())
    }

    fn unknown(&self, at: &Spanned<Text<'_>>, key: &str, near: Option<&str>) -> Failure {
        let file = self.path.display().to_string();
        let line = self.line(at.span().start);
        let mut problem = Problem::filled(
            Code::ConfigUnknownKey,
            [("file", file.into()), ("line", line.into()), ("key", format!("{key:?}").into())],
        );
        if let Some(near) = near {
            problem = problem.with("near", near).hint(format!("did you mean {near:?}?"));
        }
        problem.into()
    }

    fn not_a_table(&self, at: &Spanned<Text<'_>>) -> Failure {
        let name = at.get_ref();
        match nearest(name, KEYS.iter().filter_map(|key| key.split_once('.')).map(|(s, _)| s)).first() {
            Some(near) if *near == name => self.invalid(self.line(at.span().start), &format!("[{name}] is a table")),
            near => self.unknown(at, name, near.copied()),
        }
    }

    fn invalid(&self, line: usize, why: &str) -> Failure {
        invalid(self.path, line, why)
    }

    fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
    }
}

type Text<'a> = std::borrow::Cow<'a, str>;

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.clone().into_owned()),
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Integer(number) => match u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()) {
            Ok(number) => Raw::Number(number),
            Err(_) => Raw::Other("a number below zero or too large"),
        },
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> =
                items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            texts.map_or(Raw::Other("a list of something else"), Raw::List)
        }
        DeValue::Table(table) => {
            let texts: Option<BTreeMap<String, String>> = table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), value.get_ref().as_str()?.to_owned())))
                .collect();
            texts.map_or(Raw::Other("a table of something else"), Raw::Table)
        }
        DeValue::Float(_) => Raw::Other("a number with a fraction"),
        DeValue::Datetime(_) => Raw::Other("a date"),
    }
}
