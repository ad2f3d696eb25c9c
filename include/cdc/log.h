/*
 * log.h -- one line an event, on stderr: `time level module key=value ... message`.
 *
 * A line is one write(2), so threads need no lock. JSON lines on request. Control
 * characters in values are escaped, so a table's name can't forge a line.
 */
#ifndef CDC_LOG_H
#define CDC_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Before threads start. */
void log_setup(enum log_level least, bool json);

/* `module` is the file's noun ("kafka"); fmt makes "key=value key2=\"two words\" ..." or a
 * sentence; values with blanks go through log_quote. */
void log_line(enum log_level level, const char *module, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(module, ...) log_line(LOG_ERROR, module, __VA_ARGS__)
#define log_warn(module, ...) log_line(LOG_WARN, module, __VA_ARGS__)
#define log_info(module, ...) log_line(LOG_INFO, module, __VA_ARGS__)
#define log_debug(module, ...) log_line(LOG_DEBUG, module, __VA_ARGS__)

/* Repeated trouble: true at the 1st, 2nd, 4th, 8th ... call since the last reset. */
struct log_repeat {
    unsigned long count;
};
bool log_repeat_due(struct log_repeat *);
/* True (and reset) if there was trouble: say once that it is over. */
bool log_repeat_over(struct log_repeat *);

#endif
