//! The repair desk in the hand: what is typed is kept until the server has it, checked while it is typed, and read from
//! labels by the camera where the browser can.

use super::browser::{all, ask, closest, everywhere, first, later, listen, within};
use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::window;
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, Storage};

pub fn start() {
    for (n, form) in everywhere::<Element>("form[data-keep]").into_iter().enumerate() {
        keep(&form, n);
    }
    if let Some(form) = first::<Element>("form[data-check]") {
        let asked = Rc::new(Cell::new(0));
        check(&form, &asked);
        let typed = form.clone();
        listen(&form, "input", move |_: Event| check(&typed, &asked));
    }
    let can_read = Reflect::has(&window(), &"BarcodeDetector".into()).unwrap_or(false);
    for button in everywhere::<HtmlElement>("[data-scan]").into_iter().filter(|_| can_read) {
        button.set_hidden(false);
    }
    listen(&window(), "click", |event: Event| {
        if let Some(button) = closest(&event, "[data-scan]") {
            spawn_local(async move {
                // Refused, or there is no camera: the field is there to type in.
                let _ = scan(&button).await;
            });
        }
    });
}

/// What is said of a part, while it is typed.
fn check(form: &Element, asked: &Rc<Cell<u32>>) {
    let Some(says) = within::<Element>(form, "[data-says]") else { return };
    let path = form.get_attribute("data-check").unwrap_or_default();
    ask(asked, format!("{path}?{}", pairs(form)), move |html| says.set_inner_html(&html));
}

/// The fields that people fill in.
fn fields(form: &Element) -> Vec<Element> {
    all(form, "input:not([type=hidden]):not([type=file]), select, textarea")
}

fn is_choice(field: &Element) -> bool {
    field.get_attribute("type").as_deref() == Some("radio")
}

fn value(field: &Element) -> String {
    Reflect::get(field, &"value".into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

fn is_chosen(field: &Element) -> bool {
    field.dyn_ref::<HtmlInputElement>().is_some_and(HtmlInputElement::checked)
}

/// What was typed, as it stands behind a question mark.
fn pairs(form: &Element) -> String {
    let typed = fields(form).into_iter().filter(|field| !is_choice(field) || is_chosen(field));
    let pair = |field: Element| {
        let name = field.get_attribute("name").unwrap_or_default();
        format!("{name}={}", super::browser::encoded(&value(&field)))
    };
    typed.map(pair).collect::<Vec<_>>().join("&")
}

/// Keeps what is typed in this browser. What is kept begins with the stamp under which it was sent: a page with another
/// stamp shows that the server has it, one with the same that it never got there.
fn keep(form: &Element, n: usize) {
    let Some(storage) = window().local_storage().ok().flatten() else { return };
    let said = |name: &str| form.get_attribute(name).unwrap_or_default();
    // One form may be about several things, by its page's address: what was typed of one slot is none of the next one's.
    let key = format!("keep:{}:{n}:{}", said("action"), said("data-keep-of"));
    let stamp = said("data-keep");
    restore(form, &storage, &key, &stamp);
    for event in ["input", "submit"] {
        let (kept, storage, key) = (form.clone(), storage.clone(), key.clone());
        let sent = if event == "submit" { stamp.clone() } else { String::new() };
        listen(form, event, move |_: Event| {
            let _ = storage.set_item(&key, &format!("{sent}\n{}", pairs(&kept)));
        });
    }
}

fn restore(form: &Element, storage: &Storage, key: &str, stamp: &str) {
    let Some(kept) = storage.get_item(key).ok().flatten() else { return };
    let Some((sent, typed)) = kept.split_once('\n') else { return };
    if !sent.is_empty() && sent != stamp {
        let _ = storage.remove_item(key);
        return;
    }
    // It never got there. From now on it counts as not sent: the next stamp may come of another form of the page.
    let _ = storage.set_item(key, &format!("\n{typed}"));
    let mut is_back = false;
    for field in fields(form) {
        let name = field.get_attribute("name").unwrap_or_default();
        let before = typed.split('&').find_map(|pair| pair.strip_prefix(&name)?.strip_prefix('='));
        let before = before.and_then(|text| js_sys::decode_uri_component(text).ok()).map(String::from);
        let Some(before) = before else { continue };
        if is_choice(&field) {
            if let Some(field) = field.dyn_ref::<HtmlInputElement>() {
                field.set_checked(before == field.value());
            }
        } else if before != value(&field) && !before.is_empty() {
            let _ = Reflect::set(&field, &"value".into(), &before.into());
            is_back = true;
        }
    }
    if let Some(says) = within::<HtmlElement>(form, "[data-kept]") {
        says.set_hidden(!is_back);
    }
}

/// A label's address without what stands behind “#”: that is the device's claim code, which is nobody's business here. A
/// part's number may have that sign in it.
fn without_fragment(code: &str) -> &str {
    match code.split_once('#') {
        Some((address, _)) if address.contains("://") => address,
        _ => code,
    }
}

fn call(object: &JsValue, method: &str, argument: &JsValue) -> Result<JsValue, JsValue> {
    Reflect::get(object, &method.into())?.dyn_into::<Function>()?.call1(object, argument)
}

async fn awaited(promise: JsValue) -> Result<JsValue, JsValue> {
    JsFuture::from(promise.dyn_into::<Promise>()?).await
}

/// Shows the camera's picture and looks for a code in it four times a second, until one is found or a minute is over.
async fn scan(button: &Element) -> Result<(), JsValue> {
    const LOOKS: u32 = 240;
    let name = button.get_attribute("data-scan").unwrap_or_default();
    let Some(place) = first::<HtmlElement>(&format!("[data-camera={name}]")) else { return Ok(()) };
    let Some(video) = within::<HtmlElement>(&place, "video") else { return Ok(()) };
    let Some(field) = first::<HtmlInputElement>(&format!("#{name}")) else { return Ok(()) };
    if !place.hidden() {
        place.set_hidden(true);
        return Ok(());
    }
    let (wanted, camera) = (Object::new(), Object::new());
    Reflect::set(&camera, &"facingMode".into(), &"environment".into())?;
    Reflect::set(&wanted, &"video".into(), &camera)?;
    let devices = Reflect::get(&window().navigator(), &"mediaDevices".into())?;
    let stream = awaited(call(&devices, "getUserMedia", &wanted)?).await?;
    Reflect::set(&video, &"srcObject".into(), &stream)?;
    place.set_hidden(false);
    let _ = awaited(call(&video, "play", &JsValue::UNDEFINED)?).await;
    let detector = Reflect::get(&window(), &"BarcodeDetector".into())?.dyn_into::<Function>()?;
    let detector = Reflect::construct(&detector, &Array::new())?;
    for _ in 0..LOOKS {
        if place.hidden() {
            break;
        }
        let codes = match call(&detector, "detect", &video) {
            Ok(promise) => awaited(promise).await.unwrap_or_default(),
            Err(_) => JsValue::UNDEFINED,
        };
        let code = Reflect::get_u32(&codes, 0).and_then(|code| Reflect::get(&code, &"rawValue".into()));
        if let Some(code) = code.ok().and_then(|code| code.as_string()) {
            field.set_value(without_fragment(&code));
            let typed = web_sys::EventInit::new();
            typed.set_bubbles(true);
            let _ = field.dispatch_event(&Event::new_with_event_init_dict("input", &typed)?);
            break;
        }
        pause(250).await;
    }
    place.set_hidden(true);
    for track in Array::from(&call(&stream, "getTracks", &JsValue::UNDEFINED)?) {
        call(&track, "stop", &JsValue::UNDEFINED)?;
    }
    if button.has_attribute("data-submit")
        && !field.value().is_empty()
        && let Ok(Some(form)) = field.closest("form")
    {
        call(&form, "requestSubmit", &JsValue::UNDEFINED)?;
    }
    Ok(())
}

async fn pause(milliseconds: i32) {
    let over = Promise::new(&mut |done, _| {
        later(milliseconds, move || {
            let _ = done.call0(&JsValue::UNDEFINED);
        });
    });
    let _ = JsFuture::from(over).await;
}
