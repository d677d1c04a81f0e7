package csi

import (
	"demarc/sim/api"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Upstream's programs ask the driver by gRPC: what it answers them is an error of gRPC's,
// and begins with its code.

// invalid is that what is asked for makes no sense.
func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// internal is what the driver answers when a call of Azure's fails.
func internal(format string, args ...any) error {
	return status.Errorf(codes.Internal, format, args...)
}

// exists is that something else of the name exists.
func exists(format string, args ...any) error {
	return status.Errorf(codes.AlreadyExists, format, args...)
}

// notFound is that a disk or a VM does not exist.
func notFound(format string, args ...any) error {
	return status.Errorf(codes.NotFound, format, args...)
}

// missing says whether an error is Azure's that something does not exist.
func missing(err error) bool {
	return api.HasCode(err, "ResourceNotFound") || api.HasCode(err, "NotFound") || api.HasCode(err, "ShareNotFound")
}

// unknown is what gRPC makes of an error that the driver gives no code.
func unknown(err error) error { return status.Error(codes.Unknown, err.Error()) }

// refused is what the driver answers when a disk could not be made.
func refused(err error) error {
	if missing(err) {
		return notFound("%v", err)
	}
	return internal("%v", err)
}
