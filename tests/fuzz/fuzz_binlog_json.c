/*
 * fuzz_binlog_json.c -- any bytes as MySQL's binary JSON, and as diffs of it.
 *
 * u2 length of the document, little-endian; the document; the diffs. What is not refused must be
 * JSON, and no longer than the bytes can account for. An empty list of diffs must change nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "../../cdc/decode/binlog_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* jansson takes all JSON but a zero byte in a key, which MySQL allows. */
static void
must_be_json(const struct buffer *text, size_t from_bytes)
{
    json_error_t why;
    json_t *json = json_loadb((const char *)text->at, text->len,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &why);

    if (json == NULL && json_error_code(&why) == json_error_null_byte_in_key)
        return;
    /* a digit of a decimal is less than half a byte, a control character is six; 100 for what has
     * no bytes */
    if (json == NULL || text->len > 12 * from_bytes + 100) {
        fprintf(stderr, "%s in %.*s\n", why.text, (int)text->len, (const char *)text->at);
        abort();
    }
    json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buffer plain, same, patched;
    struct cursor in = cursor_of(bytes_of(data, size));
    size_t len = cursor_le16(&in);
    struct bytes document = cursor_bytes(&in, len < cursor_left(&in) ? len : cursor_left(&in));
    struct bytes diffs = cursor_bytes(&in, cursor_left(&in));

    buffer_reset(&plain);
    buffer_reset(&same);
    buffer_reset(&patched);
    int status = binlog_json_text(document, &plain, NULL);
    if (status == 0)
        must_be_json(&plain, document.len);
    if (binlog_json_patched(document, bytes_of(data, 0), &same, NULL) != status ||
        !bytes_equal(bytes_of(plain.at, plain.len), bytes_of(same.at, same.len)))
        abort();
    if (binlog_json_patched(document, diffs, &patched, NULL) == 0)
        must_be_json(&patched, size);
    return 0;
}
