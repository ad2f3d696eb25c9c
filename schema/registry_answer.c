/*
 * registry_answer.c -- what a registry answers, in two pure functions.
 *
 *     {"id":1,...}                              2xx; other keys are newer servers' and ignored
 *     {"error_code":40403,"message":"..."}      else; proxies answer in HTML or not at all
 *
 * Any bytes may come: the fuzz target tests/fuzz/fuzz_registry.c feeds both.
 */
#include "registry.h"

#include <jansson.h>
#include <stdio.h>

int
registry_parse_answer(struct bytes answer, int32_t *id, struct error *err)
{
    json_error_t where;
    json_t *root = json_loadb((const char *)answer.at, answer.len, 0, &where);
    json_t *value = json_object_get(root, "id");
    json_int_t n = json_integer_value(value);
    bool found = json_is_integer(value);
    bool parsed = root != NULL;

    json_decref(root);
    if (!parsed)
        return error_set(err, ERROR_CONFIG, "E_REGISTRY_ANSWER",
                         "the registry's answer is no JSON: %s", where.text);
    if (!found || n < 1 || n > INT32_MAX)
        return error_set(err, ERROR_CONFIG, "E_REGISTRY_ANSWER",
                         "the registry's answer has no id between 1 and 2147483647");
    *id = (int32_t)n;
    return 0;
}

/* Printable bytes only: this goes into logs. A cut inside a UTF-8 sequence is mended. */
static void
copy_text(char *to, size_t size, const uint8_t *from, size_t len)
{
    size_t n = 0;

    for (; n + 1 < size && n < len; n++)
        to[n] = from[n] < 0x20 || from[n] == 0x7f ? ' ' : (char)from[n];
    while (n < len && n > 0 && (from[n] & 0xc0) == 0x80)
        n--;
    to[n] = '\0';
    if (!bytes_utf8_valid(bytes_of(to, n)))
        snprintf(to, size, "(an answer that is no text)");
}

int
registry_parse_complaint(struct bytes answer, char *text, size_t size)
{
    json_error_t where;
    json_t *root = json_loadb((const char *)answer.at, answer.len, 0, &where);
    json_t *message = json_object_get(root, "message");
    json_int_t code = json_integer_value(json_object_get(root, "error_code"));

    if (json_is_string(message))
        copy_text(text, size, (const uint8_t *)json_string_value(message),
                  json_string_length(message));
    else
        copy_text(text, size < 200 ? size : 200, answer.at, answer.len);
    json_decref(root);
    return code > 0 && code <= 99999 ? (int)code : 0;
}
