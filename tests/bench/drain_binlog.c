/*
 * drain_binlog.c -- what `make bench` compares with: a client library's loop that reads a binlog over
 * the network and discards it.
 *
 *     drain_binlog HOST PORT FILE POSITION
 *
 * As user root without a password, from this place to the end of the log. Checksums come and are not
 * looked at. Prints one line: events, transactions (XID events), bytes, seconds, cpu (seconds of user
 * and system time since the dump was asked for).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "../../cdc/decode/binlog_event.h"
#include "../../cdc/source/mysql_wire.h"

enum { SERVER_ID = 0x7fbe0001 };

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
fail(const char *why)
{
    fprintf(stderr, "drain_binlog: %s\n", why);
    exit(1);
}

static MYSQL *
connect_to(const char *host, unsigned port)
{
    MYSQL *conn = mysql_init(NULL);

    if (conn == NULL || mysql_real_connect(conn, host, "root", "", NULL, port, NULL, 0) == NULL)
        fail(conn != NULL ? mysql_error(conn) : "out of memory");
    if (mysql_query(conn, "SET @master_binlog_checksum = @@global.binlog_checksum, "
                          "@source_binlog_checksum = @@global.binlog_checksum, "
                          "@mariadb_slave_capability = 4") != 0)
        fail(mysql_error(conn));
    return conn;
}

int
main(int argc, char **argv)
{
    struct wire_start start = {.server_id = SERVER_ID, .until_end = true};
    struct error err = ERROR_INIT;
    long events = 0, transactions = 0, bytes = 0;
    struct bytes event;
    struct wire wire;
    double began, spent;
    int rc;

    if (argc != 5 || log_place_parse(&start.at, bytes_of_string(argv[3]), strtoull(argv[4], NULL, 10)) == -1) {
        fprintf(stderr, "usage: drain_binlog HOST PORT FILE POSITION\n");
        return 2;
    }
    MYSQL *conn = connect_to(argv[1], (unsigned)atoi(argv[2]));
    began = now();
    spent = cpu();
    if (wire_open(&wire, conn, &start, &err) == -1)
        fail(err.text);
    while ((rc = wire_read(&wire, &event, &err)) == 1) {
        events++;
        bytes += (long)event.len;
        transactions += event.len > 4 && event.at[4] == EVENT_XID;
    }
    if (rc == -1)
        fail(err.text);
    printf("events=%ld transactions=%ld bytes=%ld seconds=%.3f cpu=%.3f\n", events, transactions, bytes,
           now() - began, cpu() - spent);
    wire_close(&wire);
    mysql_close(conn);
    return 0;
}
