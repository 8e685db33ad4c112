//! What the methods promise, by exact enumeration where there are few devices, and by simulation where there are many.

mod differences;
mod false_alarms;
mod rates;
