//! The list itself: its head, what can be done with a selection, rows, and pages.

use super::{
    columns::{Column, sorted},
    request::Request,
};
use crate::{
    components::{
        icons::{self, Icon, icon},
        nav::density_switch,
        panel::Panel,
        table::{Pager, frame, heading, pager},
        text::{count, plural},
    },
    context::{Ctx, segment},
    pages::errors::who_may,
};
use domain::{device::Device, person::Permission};
use fleet::devices::{Count, DeviceList, SortKey};
use leptos::prelude::*;
use std::time::Duration;

/// A page of the list, with how many match in all and how long the answer took.
#[must_use]
pub fn panel(ctx: &Ctx, request: &Request, list: &DeviceList, total: Count, took: Duration) -> impl IntoView + use<> {
    let aside = view! { {density_switch(ctx)} {columns_menu(ctx, request)} };
    let headings = view! { {title(total)} {exact_link(request, total)} };
    Panel::new(headings)
        .aside(aside)
        .footer(pager(pages(request, list, total, took)))
        .flush(selection_form(ctx, request, list, total))
}

/// `412 devices`, `More than 10,000 devices`.
fn title(total: Count) -> String {
    match total {
        Count::Exactly(n) => plural(n, "device", "devices"),
        Count::AtLeast(n) => format!("More than {}", plural(n, "device", "devices")),
    }
}

fn exact_link(request: &Request, total: Count) -> impl IntoView + use<> {
    let more = matches!(total, Count::AtLeast(_));
    more.then(|| {
        let title = "Counts to the last device; takes longer in a large fleet";
        view! { " " <a class="small count-exactly" href=request.href_with(&[("count", "exact")]) title=title>"Count exactly"</a> }
    })
}

/// The number without a judgement whether it is exact.
fn number_words(total: Count) -> String {
    match total {
        Count::Exactly(n) => count(n),
        Count::AtLeast(n) => format!("more than {}", count(n)),
    }
}

fn pages(request: &Request, list: &DeviceList, total: Count, took: Duration) -> Pager {
    let rows = i64::try_from(list.page.devices.len()).unwrap_or(0);
    let is_first = list.page.previous.is_none();
    // A page that was reached by a link from elsewhere doesn't know its number; it says only how many it shows.
    let first = if is_first { Some(1) } else { request.first };
    let range = match first {
        Some(first) if rows > 0 => format!("{} to {}", count(first), count(first + rows - 1)),
        _ => count(rows),
    };
    let step = i64::try_from(super::request::ROWS).unwrap_or(50);
    let before = first.map(|first| (first - step).max(1));
    Pager {
        summary: format!("{range} of {}, answered in {} ms", number_words(total), took.as_millis().max(1)),
        previous: list.page.previous.as_ref().map(|cursor| request.href_at(cursor, before)),
        next: list.page.next.as_ref().map(|cursor| request.href_at(cursor, first.map(|first| first + rows))),
    }
}

fn columns_menu(ctx: &Ctx, request: &Request) -> impl IntoView + use<> {
    let boxes: Vec<_> = Column::ALL
        .into_iter()
        .map(|column| {
            let shown = request.columns.contains(&column);
            view! {
                <label>
                    <input class="check" type="checkbox" name="column" value=column.word() checked=shown />
                    {column.label()}
                </label>
            }
        })
        .collect();
    view! {
        <details class="menu columns hide-phone">
            <summary class="btn small">{icon(icons::COLUMNS)}"Columns"</summary>
            <form class="pop" method="post" action="/devices/columns">
                <input type="hidden" name="next" value=ctx.href_with(&[("columns", None)]) />
                {boxes}
                <div class="row">
                    <button class="btn small" type="submit">"Show these"</button>
                    <button class="btn small plain" type="submit" name="usual" value="1">"The usual"</button>
                </div>
            </form>
        </details>
    }
}

/// The table in a form: what is ticked goes to whichever button is pressed.
fn selection_form(ctx: &Ctx, request: &Request, list: &DeviceList, total: Count) -> impl IntoView + use<> {
    let all = request.all_selected;
    let columns = request.columns.clone();
    let rows: Vec<_> = list.page.devices.iter().map(|device| row(ctx, device, list, &columns, all)).collect();
    let headings: Vec<_> = columns.iter().map(|column| column.heading(request)).collect();
    let serial = heading(
        "Serial",
        Some(request.href_sorted_by(SortKey::Serial)),
        sorted(request.sort, Some(SortKey::Serial)),
        false,
    );
    let table = view! {
        <table class="table cards brief">
            <caption class="sr">"Devices that match"</caption>
            <thead>
                <tr>
                    <th class="check-cell">
                        <label>
                            <span class="sr">"Select this page"</span>
                            <input class="check" type="checkbox" data-all checked=all disabled=all />
                        </label>
                    </th>
                    {serial}
                    {headings}
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    view! {
        <form class="selection" method="post" action="/devices/custody" data-select>
            <input type="hidden" name="q" value=request.text.clone() />
            {all.then(|| view! { <input type="hidden" name="all" value="1" /> })}
            {frame("Devices that match", table)}
            {bulk(ctx, request, total)}
        </form>
    }
}

fn row(ctx: &Ctx, device: &Device, list: &DeviceList, columns: &[Column], all: bool) -> impl IntoView + use<> {
    let cells: Vec<AnyView> = columns.iter().map(|column| column.cell(device, &list.catalogue, ctx.now)).collect();
    let serial = device.serial.clone();
    let href = format!("/devices/{}", segment(&serial));
    view! {
        <tr aria-selected=all.then_some("true")>
            <td class="check-cell">
                <label>
                    <span class="sr">"Select "{serial.clone()}</span>
                    <input class="check" type="checkbox" name="serial" value=serial.clone() checked=all disabled=all />
                </label>
            </td>
            <th scope="row"><a href=href>{serial}</a></th>
            {cells}
        </tr>
    }
}

/// What can be done with what is selected. The style sheet shows it only while something is.
fn bulk(ctx: &Ctx, request: &Request, total: Count) -> impl IntoView + use<> {
    let number = number_words(total);
    let status = if request.all_selected {
        let words = match total {
            Count::Exactly(1) => "The one that matches is selected".to_owned(),
            _ => format!("All {number} that match are selected"),
        };
        view! { <strong>{words}</strong> <a href=request.href_with(&[])>"Clear the selection"</a> }.into_any()
    } else {
        let words = format!("Select all {number} that match");
        view! { <strong data-count>"Selected"</strong> <a href=request.href_with(&[("select", "all")])>{words}</a> }
            .into_any()
    };
    let custody = bulk_button(ctx, Permission::CustodyRecord, "/devices/custody", icons::BUILDING, "Record custody");
    let labels = bulk_button(ctx, Permission::CertificateEnrol, "/labels", icons::SCAN, "Labels");
    let retire = bulk_button(ctx, Permission::DeviceRetire, "/devices/retire", icons::ARCHIVE, "Retire or destroy");
    let cut = bulk_button(ctx, Permission::CertificateRevoke, "/revocations/select", icons::BAN, "Hold or revoke");
    let csv = bulk_button(ctx, Permission::FleetRead, "/devices/csv", icons::DOWNLOAD, "CSV");
    view! {
        <div class="bulk" role="status">
            {status}
            <span class="push row wrap">{custody}{labels}{retire}{cut}{csv}</span>
        </div>
    }
}

fn bulk_button(ctx: &Ctx, needs: Permission, action: &'static str, drawn: Icon, label: &'static str) -> AnyView {
    if ctx.may(needs) {
        return view! { <button class="btn small" type="submit" formaction=action>{icon(drawn)}{label}</button> }
            .into_any();
    }
    let why = who_may(needs);
    view! { <button class="btn small" type="button" aria-disabled="true" title=why>{icon(drawn)}{label}</button> }
        .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_say_whether_they_are_exact() {
        assert_eq!(title(Count::Exactly(1)), "1 device");
        assert_eq!(title(Count::AtLeast(10_000)), "More than 10,000 devices");
    }
}
