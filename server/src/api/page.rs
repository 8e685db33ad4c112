//! `/api`: the OpenAPI document for people. Made on the server, whole; no script reads it.

use super::document::document;
use crate::assets;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::{Map, Value};
use std::{fmt::Write as _, sync::LazyLock};

/// Serves the page.
pub async fn serve() -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        // The document is made of structs and is always JSON.
        let document = serde_json::to_value(document()).unwrap_or_default();
        page(&document, assets::manifest().map(|manifest| manifest.css).unwrap_or_default())
    });
    let mut response = Html(PAGE.as_str()).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn page(document: &Value, css: &str) -> String {
    let mut operations = Vec::new();
    for (path, methods) in object(&document["paths"]) {
        operations.extend(object(methods).map(|(method, operation)| (path.as_str(), method.as_str(), operation)));
    }
    let mut body = String::new();
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        let of_tag = || operations.iter().filter(|(_, _, operation)| list(&operation["tags"]).any(|t| t == name));
        section(&mut body, name, text(&tag["description"]), of_tag().copied());
    }
    schemas(&mut body, &document["components"]["schemas"]);
    let about: String =
        text(&document["info"]["description"]).split("\n\n").map(|p| format!("<p>{}</p>", prose(p))).collect();
    let icon = app::components::mark::favicon();
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>API · Muster</title>\
         <link rel=\"icon\" href=\"{icon}\"><link rel=\"stylesheet\" href=\"/assets/{css}\"></head><body>\
         <a class=\"skip\" href=\"#main\">Skip to content</a>\
         <header class=\"top plain\"><a class=\"brand\" href=\"/\" aria-label=\"Muster, overview\">\
         <img src=\"{icon}\" width=\"22\" height=\"22\" alt=\"\"><span class=\"word\">Muster</span></a>\
         <nav class=\"ways\" aria-label=\"Main\"><a href=\"/\">Overview</a><a href=\"/devices\">Devices</a>\
         <a href=\"/imports\">Imports</a><a href=\"/tokens\">API tokens</a><a href=\"/help\">Help</a></nav></header>\
         <main class=\"page stack\" id=\"main\"><div class=\"head\"><div><h1>API</h1>\
         <p class=\"quiet\">Version {}</p></div><div class=\"acts\"><a class=\"btn\" href=\"/api/v1/openapi.json\">OpenAPI document</a></div></div>\
         <section class=\"panel\"><div class=\"body stack\">{about}</div></section>{body}</main></body></html>",
        escaped(text(&document["info"]["version"])),
    )
}

fn section<'a>(
    out: &mut String,
    name: &str,
    about: &str,
    operations: impl Iterator<Item = (&'a str, &'a str, &'a Value)>,
) {
    heading(out, name, about);
    for (path, method, operation) in operations {
        let method = method.to_uppercase();
        // Writing to a String can't fail; the results are dropped here and below.
        let _ = write!(
            out,
            "<details><summary><span class=\"badge\">{method}</span> \
             <span class=\"mono\">{}</span> <span class=\"quiet\">{}</span></summary><div class=\"body stack\">",
            escaped(path),
            prose(text(&operation["summary"])),
        );
        if let Some(about) = operation["description"].as_str() {
            let _ = write!(out, "<p>{}</p>", prose(about));
        }
        parameters(out, &operation["parameters"]);
        content(out, "Body", &operation["requestBody"]["content"]);
        responses(out, &operation["responses"]);
        out.push_str("</div></details>");
    }
    out.push_str(END);
}

/// What [`heading`] began.
const END: &str = "</div></section>";

fn heading(out: &mut String, name: &str, about: &str) {
    let _ = write!(
        out,
        "<section class=\"panel\"><header><h2>{}</h2><span class=\"aside\">{}</span></header><div class=\"body stack\">",
        escaped(name),
        prose(about)
    );
}

fn parameters(out: &mut String, parameters: &Value) {
    let rows = list(parameters).map(|parameter| {
        let required = if parameter["required"] == true { "required" } else { "" };
        let place = format!("{} {required}", text(&parameter["in"]));
        [
            text(&parameter["name"]).to_owned(),
            kind(&parameter["schema"]),
            place,
            text(&parameter["description"]).to_owned(),
        ]
    });
    table(out, "Parameters", ["Name", "Type", "Where", "What it means"], rows.collect());
}

fn responses(out: &mut String, responses: &Value) {
    let rows = object(responses).map(|(status, response)| {
        let kinds: Vec<String> =
            object(&response["content"]).map(|(media, one)| format!("{} ({media})", kind(&one["schema"]))).collect();
        [status.clone(), text(&response["description"]).to_owned(), kinds.join(", ")]
    });
    table(out, "Answers", ["Status", "What it means", "Content"], rows.collect());
}

fn content(out: &mut String, caption: &str, content: &Value) {
    let rows = object(content).map(|(media, one)| [media.clone(), kind(&one["schema"])]);
    table(out, caption, ["Content type", "Type"], rows.collect());
}

fn schemas(out: &mut String, schemas: &Value) {
    heading(out, "Types", "What answers and bodies are made of.");
    for (name, schema) in object(schemas) {
        let _ = write!(
            out,
            "<details id=\"{}\"><summary><span class=\"mono\">{}</span> \
             <span class=\"quiet\">{}</span></summary><div class=\"body stack\">",
            escaped(name),
            escaped(&shown(name)),
            prose(text(&schema["description"])),
        );
        let parts = list(&schema["allOf"]).flat_map(|part| object(&part["properties"]));
        let rows = object(&schema["properties"])
            .chain(parts)
            .map(|(name, property)| [name.clone(), kind(property), text(&property["description"]).to_owned()]);
        table(out, "Fields", ["Name", "Type", "What it means"], rows.collect());
        out.push_str("</div></details>");
    }
    out.push_str(END);
}

/// A table of texts; the first column names the row. Nothing where there are no rows.
fn table<const N: usize>(out: &mut String, caption: &str, heads: [&str; N], rows: Vec<[String; N]>) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<div class=\"tablewrap\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\
         <table class=\"table top\"><caption class=\"sr\">{caption}</caption><thead><tr>"
    );
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let _ = match column {
                0 => write!(out, "<tr><th scope=\"row\" class=\"mono\">{}</th>", escaped(cell)),
                _ => write!(out, "<td>{}</td>", prose(cell)),
            };
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

/// A type's name for people: `Device` for `DeviceShape`, `Page of Device` for `List_DeviceShape`.
fn shown(name: &str) -> String {
    match name.strip_prefix("List_") {
        Some(one) => format!("Page of {}", shown(one)),
        None => name.strip_suffix("Shape").unwrap_or(name).to_owned(),
    }
}

/// A schema in a few words: `text`, `list of Device`.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return shown(reference.rsplit('/').next().unwrap_or_default());
    }
    let choices: Vec<String> = list(&schema["oneOf"]).filter(|one| one["type"] != "null").map(kind).collect();
    if !choices.is_empty() {
        return format!("{}, or nothing", choices.join(" or "));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let word = |one: &&str| match *one {
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        "string" if schema["format"] == "uuid" => "UUID".to_owned(),
        "string" => "text".to_owned(),
        "integer" | "number" => "number".to_owned(),
        "boolean" => "yes or no".to_owned(),
        "array" => format!("list of {}", kind(&schema["items"])),
        other => other.to_owned(),
    };
    let words: Vec<String> = types.iter().filter(|one| **one != "null").map(word).collect();
    let optional = if types.contains(&"null") { ", or nothing" } else { "" };
    if words.is_empty() { "anything".to_owned() } else { format!("{}{optional}", words.join(" or ")) }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// Text with `code` in it.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        let _ = match at % 2 {
            0 => write!(out, "{}", escaped(part)),
            _ => write!(out, "<code class=\"mono\">{}</code>", escaped(part)),
        };
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_on_the_page() {
        let document = serde_json::to_value(document()).unwrap_or_default();
        let page = page(&document, "x.css");
        for (path, _) in object(&document["paths"]) {
            assert!(page.contains(&format!(">{path}</span>")), "{path} is missing");
        }
        for way in ["/", "/devices", "/tokens", "/help"] {
            assert!(page.contains(&format!("<a href=\"{way}\">")), "no way back to {way}");
        }
        let words = page.split('<').filter_map(|part| part.split_once('>')).map(|(_, words)| words);
        let names: Vec<&str> = words.filter(|words| words.contains("Shape") || words.contains('`')).collect();
        assert!(names.is_empty(), "names of the program: {names:?}");
        assert!(!page.contains("Null") && !page.contains("<td></td><td></td>"), "empty rows");
    }

    #[test]
    fn nothing_in_the_document_is_markup() {
        assert_eq!(prose("a `<b>` & \"c\""), "a <code class=\"mono\">&lt;b&gt;</code> &amp; &quot;c&quot;");
    }
}
