/* Capture mode: takes what stands between <!--XSUPERVISOR:BEGIN--> and <!--XSUPERVISOR:END--> out of a
 * stream, however reads cut it into pieces. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Capture Capture;

typedef enum CaptureKind {
    CAPTURE_OUTSIDE, /* ordinary output */
    CAPTURE_INSIDE,  /* a piece of what is captured; who wants it in the result calls capture_keep() */
    CAPTURE_END,     /* the communication is complete: data is what was kept of it */
} CaptureKind;

/* The pieces come in order. `data` is valid during the call. */
typedef void (*CaptureSink)(CaptureKind kind, const char *data, size_t size, void *userdata);

/* `maxbytes` > 0. */
Capture *capture_new(int64_t maxbytes, CaptureSink sink, void *userdata);
void capture_free(Capture *capture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Capture, capture_free)

void capture_feed(Capture *capture, const char *data, size_t size);

/* Only from within the sink. The oracle's rule for what is too long: as many bytes as come now go at the
 * front. A single piece longer than maxbytes stays whole. */
void capture_keep(Capture *capture, const char *data, size_t size);

/* The writer has ended: what looked like the beginning of a mark was none; a communication without its end is
 * dropped. */
void capture_finish(Capture *capture);
