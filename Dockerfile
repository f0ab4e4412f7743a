# One file for every image: PROGRAM is the folder of the program, operation-service,
# user-service, approval-service, dead-letters or load. `make images` builds all five.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
ARG PROGRAM TARGETOS TARGETARCH
WORKDIR /src
COPY . .
# The program's own module, without the workspace. Static, and the same bytes for the same source.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOWORK=off \
    go build -C "$PROGRAM" -trimpath -buildvcs=false -ldflags="-s -w" -o /program .

# Nothing but the program: it needs no certificates (its sidecar speaks TLS, and
# dead-letters is given a CA), no time zones and no shell. 65532 is the user of k8s/base.
FROM scratch
COPY --from=build /program /program
USER 65532:65532
ENTRYPOINT ["/program"]
