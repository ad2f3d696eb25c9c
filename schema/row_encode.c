/*
 * row_encode.c -- a change as a database sink is given it: see cdc/row.h.
 *
 * Nothing is refused here for its value: what a target's column can't hold, only the sink can tell. A key that is NULL
 * or was not sent is refused, since no row is found by it.
 */
#include "cdc/row.h"

#include "plan.h"

static enum field_result
put_key(const struct plan *plan, const struct value *row, struct buffer *out, uint16_t *column)
{
    buffer_put_le16(out, plan->nkey);
    for (uint16_t k = 0; k < plan->nkey; k++) {
        const struct field *field = &plan->key_fields[k];

        *column = field->index;
        if (row[field->index].state != VALUE_SET)
            return row[field->index].state == VALUE_NULL ? FIELD_NULL : FIELD_UNCHANGED;
        buffer_put_le16(out, field->index);
        row_put_value(out, field->column->type, &row[field->index]);
    }
    return FIELD_DONE;
}

void
row_put_no_key(const struct plan *plan, struct buffer *out)
{
    static const struct value none = {.state = VALUE_NULL};

    buffer_put_le16(out, plan->nkey);
    for (uint16_t k = 0; k < plan->nkey; k++) {
        buffer_put_le16(out, plan->key_fields[k].index);
        row_put_value(out, plan->key_fields[k].column->type, &none);
    }
}

/* Of an old row that has the key only, the rest is not known: it goes as VALUE_UNCHANGED. */
static void
put_old_key(struct buffer *out, const struct relation *rel, const struct value *row)
{
    static const struct value unknown = {.state = VALUE_UNCHANGED};

    for (uint16_t i = 0; i < rel->ncolumns; i++)
        row_put_value(out, rel->columns[i].type, rel->columns[i].identity ? &row[i] : &unknown);
}

static enum field_result
put_value(const struct plan *plan, const struct shot *shot, struct buffer *out, uint16_t *column)
{
    const struct change *change = shot->change;

    (void)column;
    buffer_put_u8(out, (uint8_t)change->op);
    buffer_put_u8(out, (uint8_t)change->old_kind);
    if (change->new_row != NULL)
        row_put(out, plan->relation, change->new_row);
    if (change->old_kind == OLD_ROW)
        row_put(out, plan->relation, change->old_row);
    else if (change->old_kind == OLD_KEY)
        put_old_key(out, plan->relation, change->old_row);
    return FIELD_DONE;
}

void
row_plan_prepare(struct plan *plan)
{
    plan->put_key = put_key;
    plan->put_value = put_value;
}
