/*
 * version.h -- the one place where the version is written down.
 */
#ifndef CDC_VERSION_H
#define CDC_VERSION_H

#define ROWFERRY_VERSION "0.1.0"

#endif
