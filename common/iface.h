/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_IFACE_H
#define KD_COMMON_IFACE_H

#include <stdbool.h>

struct json_object;

/* Names of the control socket's interface, once, and its text as it is served. */
#define IFACE "io.kopidocka"
#define IFACE_SERVICE "org.varlink.service"
#define IFACE_GROUP "kopi-docka"

enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_WARNINGS = 3,
	EXIT_UNREACHABLE = 4,
	EXIT_BUSY = 75,
	EXIT_INTERRUPTED = 130 /* Ctrl-C, and nothing was under way */
};

/* The text of common/io.kopidocka.varlink, built into the program. */
extern const char iface_text[];
extern const char iface_service_text[];

/* Is there a method of this name (without the interface) in iface_text? */
bool iface_declares(const char *method);
/*
 * What is wrong with ${parameters}, an object: a sentence, and in ${ret_parameter} the name of the one that it is about. One that
 * iface_text does not give to ${method}, one of another type, a list that is empty (it means none, and whoever sends it may
 * have meant all), and then one that is missing (or null) and not marked ?. NULL: all fit. Both are the caller's.
 */
char *iface_misfit(const char *method, struct json_object *parameters, char **ret_parameter);

#endif
