/*
 * json.h -- JSON out, straight into a buffer; no tree, no allocation.
 *
 * json_text writes the quotes and escapes; bytes that are not UTF-8 are written as U+FFFD
 * (the caller decides beforehand whether that may be: shaping refuses invalid text).
 * For JSON in, small answers only, jansson is used directly where it is needed; json_text is not
 * called json_string because jansson exports that name.
 */
#ifndef CDC_JSON_H
#define CDC_JSON_H

#include "cdc/bytes.h"

void json_text(struct buffer *out, struct bytes text);
void json_cstring(struct buffer *out, const char *text);
/* before "name":"text" */
void json_member(struct buffer *out, const char *before, const char *name, const char *text);
void json_int(struct buffer *out, int64_t v);
void json_uint(struct buffer *out, uint64_t v);
/* Shortest text that reads back as the same double; NaN and infinities as strings. */
void json_double(struct buffer *out, double v);
void json_float(struct buffer *out, float v);
void json_base64(struct buffer *out, struct bytes raw); /* with quotes */

#endif
