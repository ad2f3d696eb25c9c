/*
 * endpoint.h -- a server that the configuration names, as source or as sink.
 */
#ifndef CDC_ENDPOINT_H
#define CDC_ENDPOINT_H

/* Strings live as long as the configuration. */
struct endpoint {
    const char *pipeline; /* for application_name and the like */
    const char *url;
    const char *password_file; /* NULL: the url, or the server's own ways */
};

#endif
