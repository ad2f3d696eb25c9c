/* xa.c -- see cdc/xa.h. */
#include "cdc/xa.h"

#include <stdlib.h>

static struct xa_list *
make(uint32_t count, struct error *err)
{
    struct xa_list *list = calloc(1, sizeof(*list) + count * sizeof(list->at[0]));

    if (list == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for %u prepared XA transactions", count);
        return NULL;
    }
    atomic_init(&list->references, 1);
    list->count = count;
    return list;
}

struct xa_list *
xa_keep(struct xa_list *list)
{
    if (list != NULL)
        atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
    return list;
}

void
xa_release(struct xa_list *list)
{
    if (list != NULL && atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) == 1)
        free(list);
}

const struct xa_prepared *
xa_find(const struct xa_list *list, const char *xid)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        if (strcmp(list->at[i].xid, xid) == 0)
            return &list->at[i];
    }
    return NULL;
}

int
xa_with(const struct xa_list *list, const struct xa_prepared *entry, struct xa_list **out, struct error *err)
{
    uint32_t n = list != NULL ? list->count : 0, kept = 0;

    if (n >= XA_MAX && xa_find(list, entry->xid) == NULL)
        return error_set(err, ERROR_REFUSED, "E_XA_TOO_MANY",
                         "more than %d XA transactions are prepared and not decided; the oldest is %s", XA_MAX,
                         list->at[0].xid);
    *out = make(n + 1, err);
    if (*out == NULL)
        return -1;
    /* The same xid again can only mean that the earlier one was decided where we did not see it. */
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(list->at[i].xid, entry->xid) != 0)
            (*out)->at[kept++] = list->at[i];
    }
    (*out)->at[kept++] = *entry;
    (*out)->count = kept;
    return 0;
}

int
xa_without(const struct xa_list *list, const char *xid, struct xa_list **out, struct error *err)
{
    uint32_t kept = 0;

    *out = NULL;
    if (list == NULL || (list->count == 1 && xa_find(list, xid) != NULL))
        return 0;
    *out = make(list->count, err);
    if (*out == NULL)
        return -1;
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(list->at[i].xid, xid) != 0)
            (*out)->at[kept++] = list->at[i];
    }
    (*out)->count = kept;
    return 0;
}

bool
xa_equal(const struct xa_list *a, const struct xa_list *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (strcmp(a->at[i].xid, b->at[i].xid) != 0 || !gtid_equal(&a->at[i].gtid, &b->at[i].gtid) ||
            !log_place_equal(&a->at[i].begin, &b->at[i].begin))
            return false;
    }
    return true;
}
