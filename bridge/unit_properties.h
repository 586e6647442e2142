/* Properties of units on the wire: reading systemd's into a snapshot, writing ours into a message. Tables, no
 * if-chains. */
#pragma once

#include <systemd/sd-bus.h>

#include "bridge/unit_snapshot.h"
#include "translator/property.h"

/* Reads an a{sv} at the message's position; what the table does not know is skipped, what is not in the
 * message stays as it was. Returns 0 or negative errno. */
int unit_properties_read(sd_bus_message *message, UnitSnapshot *snapshot);

/* Appends the list as a(sv). Returns 0 or negative errno. */
int unit_properties_append(sd_bus_message *message, const PropertyList *properties);

/* The same without the array around it, for a caller that has more to add. */
int unit_properties_append_each(sd_bus_message *message, const PropertyList *properties);
