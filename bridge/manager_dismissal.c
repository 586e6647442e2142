/* Units that are nobody's any more: they are stopped, and forgotten whatever comes of it. */
#include "bridge/manager_internal.h"

/* systemd shows a unit that ends badly as failed until it is told to forget that, and being told before it
 * has ended is of no use: so now for what has failed already, and again when it fails while it stops. */
void manager_dismiss(Manager *manager, const char *unit)
{
    g_hash_table_add(manager->dismissed, g_strdup(unit));
    systemd_watch(manager->systemd, unit);
    (void)systemd_stop(manager->systemd, unit, NULL, NULL);
    (void)systemd_reset_failed(manager->systemd, unit, NULL, NULL);
}

void manager_dismissed_changed(Manager *manager, const char *unit, const UnitSnapshot *snapshot)
{
    if (g_hash_table_contains(manager->dismissed, unit) && snapshot->active_state == ACTIVE_STATE_FAILED)
        (void)systemd_reset_failed(manager->systemd, unit, NULL, NULL);
}

void manager_dismissed_removed(Manager *manager, const char *unit)
{
    if (g_hash_table_remove(manager->dismissed, unit))
        systemd_unwatch(manager->systemd, unit);
}
