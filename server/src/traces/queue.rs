//! Spans that wait for the collector: so many and no more, and what became of all of them.

use super::told;
use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// How many may wait, those on their way included: about 4 MiB.
const WAITING_MAX: usize = 4_096;
/// How many are told at once.
const AT_ONCE: usize = 512;
/// How long the first of them waits at most.
const WAIT: Duration = Duration::from_secs(2);

/// What became of spans.
#[derive(Debug, Default)]
pub struct Counts {
    waiting: AtomicUsize,
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    /// Whether the last ones could not be told.
    is_failing: AtomicBool,
}

impl Counts {
    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether there is room for one more, which waits from now on. Otherwise it counts as dropped.
    fn enters(&self) -> bool {
        let more = |waiting: usize| (waiting < WAITING_MAX).then_some(waiting + 1);
        let has_room = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !has_room {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        has_room
    }

    /// So many do not wait any more.
    fn left(&self, count: usize, result: &OTelSdkResult) {
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        let counter = if result.is_ok() { &self.sent } else { &self.failed };
        counter.fetch_add(count.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        let was_failing = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match result {
            // Said once, and not again for each of thousands.
            Err(error) if !was_failing => tracing::warn!(%error, "the collector can't be told of spans"),
            Ok(()) if was_failing => tracing::info!("the collector is told of spans again"),
            _ => {}
        }
    }
}

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let ended = [
            ([("result", "sent")], of(&self.sent)),
            ([("result", "dropped")], of(&self.dropped)),
            ([("result", "failed")], of(&self.failed)),
        ];
        let told = "Spans that ended: sent to the collector, dropped as too many waited, or not taken by it.";
        fleet::observe::counters(&mut encoder, ("muster_trace_spans", told), ended)?;
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        let waiting = self.waiting() as f64;
        let none: [(&str, &str); 0] = [];
        fleet::observe::gauges(
            &mut encoder,
            ("muster_trace_spans_waiting", "Spans that wait for the collector."),
            [(none, waiting)],
        )
    }
}

/// Takes spans when they end.
#[derive(Debug)]
pub struct Queue {
    batches: BatchSpanProcessor,
    counts: Arc<Counts>,
}

impl Queue {
    /// One that is emptied by this exporter.
    pub fn new(exporter: impl SpanExporter + 'static, counts: Arc<Counts>) -> Self {
        let config = BatchConfigBuilder::default()
            // It never has more than are let in here.
            .with_max_queue_size(WAITING_MAX)
            .with_max_export_batch_size(AT_ONCE)
            .with_scheduled_delay(WAIT)
            .build();
        let exporter = Counted { exporter, counts: Arc::clone(&counts) };
        Self { batches: BatchSpanProcessor::new(exporter, config), counts }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.counts.enters() {
            self.batches.on_end(told(span));
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// An exporter whose spans are counted.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    counts: Arc<Counts>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.exporter.export(batch).await;
        self.counts.left(count, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
pub mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use opentelemetry::{
        InstrumentationScope, KeyValue,
        trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
    };
    use std::{
        sync::Mutex,
        sync::mpsc::{Receiver, SyncSender, sync_channel},
        time::{Instant, SystemTime},
    };

    /// A span that ended.
    pub fn span(name: &'static str, attributes: &[(&'static str, &'static str)]) -> SpanData {
        let (trace, id) = (TraceId::from(1_u128), SpanId::from(2_u64));
        SpanData {
            span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::default()),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes: attributes.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect(),
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    /// An exporter that hangs until it is let go on.
    #[derive(Debug)]
    struct Hangs {
        begun: SyncSender<usize>,
        go_on: Mutex<Receiver<()>>,
    }

    impl SpanExporter for Hangs {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            let _ = self.begun.try_send(batch.len());
            let _ = self.go_on.lock().unwrap().recv();
            Ok(())
        }
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted_and_nobody_waits() {
        let ((begun, has_begun), (go_on, waits)) = (sync_channel(1), sync_channel(0));
        let counts = Arc::new(Counts::default());
        let queue = Queue::new(Hangs { begun, go_on: Mutex::new(waits) }, Arc::clone(&counts));
        queue.on_end(span("request", &[]));
        assert_eq!(has_begun.recv_timeout(Duration::from_secs(60)), Ok(1), "it is told by itself");
        for _ in 0..WAITING_MAX + 99 {
            queue.on_end(span("request", &[]));
        }
        assert_eq!((counts.waiting(), counts.dropped.load(Ordering::Relaxed)), (WAITING_MAX, 100));
        let begun = Instant::now();
        queue.shutdown_with_timeout(Duration::from_millis(10)).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(30), "the end waits no longer than it was told to");
        drop(go_on);
        while counts.waiting() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{counts:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(counts.sent.load(Ordering::Relaxed), WAITING_MAX as u64);
    }
}
