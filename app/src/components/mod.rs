//! The parts that pages are made of. Plain functions that return views: one component per table cell
//! would cost more than the query behind the table.

pub mod form;
pub mod icons;
pub mod mark;
pub mod nav;
pub mod overlay;
pub mod panel;
pub mod passkey;
pub mod qr;
pub mod status;
pub mod table;
pub mod text;
