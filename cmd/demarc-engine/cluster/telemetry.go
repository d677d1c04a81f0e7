package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"demarc/sim/api"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/component-base/tracing"
)

// telemetry is the engine's OpenTelemetry: traces and metrics with virtual
// times. They are exported by OTLP if the standard environment variables name
// an endpoint, and the metrics can always be scraped.
type telemetry struct {
	traces   *sdktrace.TracerProvider // nil if they are not exported
	meters   *sdkmetric.MeterProvider
	registry *prometheus.Registry
	events   metric.Int64Counter
}

func newTelemetry(ctx context.Context, cluster string) (*telemetry, error) {
	t := &telemetry{registry: prometheus.NewRegistry()}
	res := resource.NewSchemaless(
		attribute.String("service.name", "demarc"), attribute.String("service.version", api.Version),
		attribute.String("k8s.cluster.name", cluster))
	scrape, err := otelprometheus.New(otelprometheus.WithRegisterer(t.registry), otelprometheus.WithNamespace("demarc"))
	if err != nil {
		return nil, err
	}
	options := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(scrape)}
	if exports("METRICS") {
		e, err := metricExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("export metrics: %w", err)
		}
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e)))
	}
	if exports("TRACES") {
		e, err := spanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("export traces: %w", err)
		}
		t.traces = sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(e))
	}
	t.meters = sdkmetric.NewMeterProvider(options...)
	t.events, err = t.meters.Meter("demarc").Int64Counter("timeline.events", metric.WithDescription("What happened in the cluster, by actor and verb."))
	return t, err
}

// exports says whether the environment asks for an OTLP export of a signal
// (OpenTelemetry specification, "OpenTelemetry Protocol Exporter").
func exports(signal string) bool {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_"+signal+"_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
}

func grpcProtocol(signal string) bool {
	p := os.Getenv("OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL")
	if p == "" {
		p = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	return p == "grpc"
}

func metricExporter(ctx context.Context) (sdkmetric.Exporter, error) {
	if grpcProtocol("METRICS") {
		return otlpmetricgrpc.New(ctx)
	}
	return otlpmetrichttp.New(ctx)
}

func spanExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	if grpcProtocol("TRACES") {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// sharedProvider is the engine's provider as one of several users has it: an
// API server that shuts down must not end it for the others.
type sharedProvider struct{ trace.TracerProvider }

// Shutdown implements [tracing.TracerProvider] and does nothing.
func (sharedProvider) Shutdown(context.Context) error { return nil }

// provider is the provider for the control plane's own spans; nil if spans are
// not exported.
func (t *telemetry) provider() tracing.TracerProvider {
	if t.traces == nil {
		return nil
	}
	return sharedProvider{t.traces}
}

// metrics serves the engine's metrics together with those of kube-apiserver,
// kube-controller-manager, kube-scheduler and etcd, which share this process.
func (t *telemetry) metrics() http.Handler {
	all := prometheus.Gatherers{t.registry, legacyregistry.DefaultGatherer, prometheus.DefaultGatherer}
	// The last two both describe the process; the first answer counts.
	return promhttp.HandlerFor(all, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// observe counts the cluster's events and makes gauges of its state.
func (t *telemetry) observe(c *Cluster) error {
	m := t.meters.Meter("demarc")
	requests, err := m.Int64ObservableCounter("traffic.requests", metric.WithDescription("Requests of simulated clients, by traffic and result."))
	if err != nil {
		return err
	}
	running, err := m.Int64ObservableGauge("component.running", metric.WithDescription("1 if a control-plane component runs."))
	if err != nil {
		return err
	}
	starts, err := m.Int64ObservableCounter("component.starts", metric.WithDescription("Incarnations of a control-plane component."))
	if err != nil {
		return err
	}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, x := range c.trafficTotals() {
			o.ObserveInt64(requests, x.Sent-x.Failed, metric.WithAttributes(attribute.String("traffic", x.Name), attribute.String("result", "succeeded")))
			o.ObserveInt64(requests, x.Failed, metric.WithAttributes(attribute.String("traffic", x.Name), attribute.String("result", "failed")))
		}
		for _, x := range c.plane.Components() {
			s, up := x.Status(), int64(0)
			if s.State == "running" {
				up = 1
			}
			name := metric.WithAttributes(attribute.String("component", s.Name))
			o.ObserveInt64(running, up, name)
			o.ObserveInt64(starts, int64(s.Starts), name)
		}
		return nil
	}, requests, running, starts)
	if err != nil {
		return err
	}
	c.work.Go(func() { t.follow(c) })
	return nil
}

// follow counts events as they come, and makes a span of each fault and repair.
func (t *telemetry) follow(c *Cluster) {
	tracer := noop.NewTracerProvider().Tracer("demarc")
	if t.traces != nil {
		tracer = t.traces.Tracer("demarc")
	}
	for seq := c.log.Last().Seq; ; {
		events, more := c.log.Since(seq)
		for _, e := range events {
			seq = e.Seq
			attrs := []attribute.KeyValue{attribute.String("actor", string(e.Actor)), attribute.String("verb", string(e.Verb))}
			t.events.Add(c.ctx, 1, metric.WithAttributes(attrs...))
			_, span := tracer.Start(c.ctx, string(e.Verb)+" "+e.Subject, trace.WithTimestamp(e.Time), trace.WithAttributes(append(attrs,
				attribute.String("subject", e.Subject), attribute.String("message", e.Message), attribute.Int64("seq", e.Seq), attribute.Int64("cause", e.Cause))...))
			span.End(trace.WithTimestamp(e.Time))
		}
		select {
		case <-more:
		case <-c.ctx.Done():
			return
		}
	}
}

// close sends what has not been sent.
func (t *telemetry) close(ctx context.Context) error {
	var errs []error
	if t.traces != nil {
		errs = append(errs, t.traces.Shutdown(ctx))
	}
	if t.meters != nil {
		errs = append(errs, t.meters.Shutdown(ctx))
	}
	return errors.Join(errs...)
}
