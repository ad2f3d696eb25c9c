/*
 * source_mysql.h -- the MySQL and MariaDB source: source.h by the binlog dump.
 *
 * The commands' questions are in source_kind.h (source_mysql, source_mariadb).
 */
#ifndef CDC_SOURCE_MYSQL_H
#define CDC_SOURCE_MYSQL_H

#include "cdc/catalog.h"
#include "cdc/config.h"
#include "cdc/source.h"

int mysql_source_open(struct source **out, const struct config *, bool mariadb, struct error *err);

/* The place that a position inside a transaction, made on another server, has on this one: by its rows. Overwrites *to;
 * takes the lease. ERROR_REFUSED with E_POSITION_FOREIGN where there is none. */
int mysql_recount(const struct config *, bool mariadb, const struct position *from, struct position *to,
                  struct error *err);

/* For the shape threads: NOT NULL, key and labels are in the relation; defaults are asked for. */
int mysql_catalog_open(struct catalog **out, const struct config *, struct error *err);

#endif
