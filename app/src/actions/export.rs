//! Files to take away: devices as CSV, one device's life as EPCIS.

use super::{Access, ActionRoute, Posted, refused};
use crate::{context::Ctx, pages::errors};
