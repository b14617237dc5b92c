package grpc

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/berth-run/berth/host/api"
	apierrors "github.com/berth-run/berth/host/api/errors"
)

// tokenKey carries the API token.
const tokenKey = "dapr-api-token"

// interceptors returns the checks of every call in their order; what is off is not among them.
func interceptors(o *Options, log *slog.Logger) (unary []grpc.UnaryServerInterceptor, stream []grpc.StreamServerInterceptor) {
	add := func(check func(ctx context.Context, method string) (context.Context, error)) {
		unary = append(unary, func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			ctx, err := check(ctx, info.FullMethod)
			if err != nil {
				return nil, err
			}
			return next(ctx, req)
		})
		stream = append(stream, func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			ctx, err := check(ss.Context(), info.FullMethod)
			if err != nil {
				return err
			}
			return next(srv, &streamWith{ss, ctx})
		})
	}
	if off := switchedOff(o.Access); off != nil {
		add(func(ctx context.Context, method string) (context.Context, error) {
			if off(method) {
				return ctx, apierrors.New(apierrors.APIDenied)
			}
			return ctx, nil
		})
	}
	if o.Token != "" {
		token := []byte(o.Token)
		add(func(ctx context.Context, _ string) (context.Context, error) { return authorize(ctx, token) })
	}
	if o.LogCalls.Enabled {
		unary = append(unary, func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			start := time.Now()
			resp, err := next(ctx, req)
			logCall(ctx, log, info.FullMethod, start, err)
			return resp, err
		})
		stream = append(stream, func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			start := time.Now()
			err := next(srv, ss)
			logCall(ss.Context(), log, info.FullMethod, start, err)
			return err
		})
	}
	return unary, stream
}

type streamWith struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *streamWith) Context() context.Context { return s.ctx }

// authorize checks the token and takes it out of the metadata, so that it is not passed on.
func authorize(ctx context.Context, token []byte) (context.Context, error) {
	md, _ := metadata.FromIncomingContext(ctx) // a copy
	given := md[tokenKey]
	if len(given) == 0 {
		return ctx, apierrors.New(apierrors.TokenMissing)
	}
	if subtle.ConstantTimeCompare([]byte(given[0]), token) != 1 {
		return ctx, apierrors.New(apierrors.TokenMismatch)
	}
	delete(md, tokenKey)
	return metadata.NewIncomingContext(ctx, md), nil
}

func logCall(ctx context.Context, log *slog.Logger, method string, start time.Time, err error) {
	attrs := []slog.Attr{
		slog.String("method", method),
		slog.Int64("duration", time.Since(start).Milliseconds()),
		slog.Int("code", int(code(err))),
	}
	if ua := metadata.ValueFromIncomingContext(ctx, "user-agent"); len(ua) > 0 {
		attrs = append(attrs, slog.String("useragent", ua[0]))
	}
	log.LogAttrs(ctx, slog.LevelInfo, "gRPC API Called", attrs...)
}

func code(err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	return status.Code(err)
}

// servicePrefix is that of the methods which rules of access are about.
const servicePrefix = "/dapr.proto.runtime.v1.Dapr/"

// groups lists the calls of an API as rules of access name it. A call that is
// in none is off as soon as a rule allows something.
var groups = map[string][]string{
	"invoke.v1":              {"InvokeService"},
	"state.v1":               {"GetState", "GetBulkState", "SaveState", "DeleteState", "DeleteBulkState", "ExecuteStateTransaction"},
	"state.v1alpha1":         {"QueryStateAlpha1"},
	"publish.v1":             {"PublishEvent", "BulkPublishEvent"},
	"publish.v1alpha1":       {"BulkPublishEventAlpha1"},
	"subscribe.v1alpha1":     {"SubscribeTopicEventsAlpha1"},
	"bindings.v1":            {"InvokeBinding"},
	"secrets.v1":             {"GetSecret", "GetBulkSecret"},
	"metadata.v1":            {"GetMetadata", "SetMetadata"},
	"shutdown.v1":            {"Shutdown"},
	"configuration.v1":       {"GetConfiguration", "SubscribeConfiguration", "UnsubscribeConfiguration"},
	"configuration.v1alpha1": {"GetConfigurationAlpha1", "SubscribeConfigurationAlpha1", "UnsubscribeConfigurationAlpha1"},
	"lock.v1alpha1":          {"TryLockAlpha1"},
	"unlock.v1alpha1":        {"UnlockAlpha1"},
	"crypto.v1alpha1":        {"EncryptAlpha1", "DecryptAlpha1"},
	"subtlecrypto.v1alpha1": {"SubtleGetKeyAlpha1", "SubtleEncryptAlpha1", "SubtleDecryptAlpha1", "SubtleSignAlpha1",
		"SubtleVerifyAlpha1", "SubtleWrapKeyAlpha1", "SubtleUnwrapKeyAlpha1"},
	"actors.v1": {"RegisterActorTimer", "UnregisterActorTimer", "RegisterActorReminder", "GetActorReminder", "UnregisterActorReminder",
		"UnregisterActorRemindersByType", "ListActorReminders", "GetActorState", "ExecuteActorStateTransaction", "InvokeActor"},
	"actors.v1alpha1": {"SubscribeActorEventsAlpha1"},
	"workflows.v1alpha1": {"StartWorkflowAlpha1", "GetWorkflowAlpha1", "TerminateWorkflowAlpha1", "RaiseEventWorkflowAlpha1",
		"PurgeWorkflowAlpha1", "PauseWorkflowAlpha1", "ResumeWorkflowAlpha1"},
	"workflows.v1beta1": {"StartWorkflowBeta1", "GetWorkflowBeta1", "TerminateWorkflowBeta1", "RaiseEventWorkflowBeta1",
		"PurgeWorkflowBeta1", "PauseWorkflowBeta1", "ResumeWorkflowBeta1"},
	"jobs.v1":               {"ScheduleJob", "DeleteJob", "GetJob", "DeleteJobsByPrefix", "ListJobs"},
	"jobs.v1alpha1":         {"ScheduleJobAlpha1", "DeleteJobAlpha1", "GetJobAlpha1", "DeleteJobsByPrefixAlpha1", "ListJobsAlpha1"},
	"conversation.v1alpha1": {"ConverseAlpha1"},
	"conversation.v1alpha2": {"ConverseAlpha2"},
}

// versionWords maps the older way of writing a version in a rule.
var versionWords = map[string]string{"v1.0": "v1", "v1.0-alpha1": "v1alpha1", "v1.0-alpha2": "v1alpha2", "v1.0-beta1": "v1beta1"}

// switchedOff returns what says whether the rules switch a method off, or nil
// when no rule is about gRPC.
func switchedOff(a api.Access) func(method string) bool {
	methods := func(rules []api.AccessRule) (out map[string]bool, any bool) {
		out = map[string]bool{}
		for _, r := range rules {
			if !strings.EqualFold(r.Protocol, "grpc") {
				continue
			}
			any = true
			version := r.Version
			if v, ok := versionWords[version]; ok {
				version = v
			}
			for _, m := range groups[r.Name+"."+version] {
				out[servicePrefix+m] = true
			}
		}
		return out, any
	}
	allow, someAllowed := methods(a.Allowed)
	deny, someDenied := methods(a.Denied)
	if !someAllowed && !someDenied {
		return nil
	}
	return func(method string) bool {
		if !strings.HasPrefix(method, servicePrefix) {
			return false
		}
		return deny[method] || someAllowed && !allow[method]
	}
}
