/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_IFACE_H
#define KD_COMMON_IFACE_H

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

#endif
