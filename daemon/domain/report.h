/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_REPORT_H
#define KD_DOMAIN_REPORT_H

#include "daemon/domain/aftermath.h"

/*
 * The report of a run: backup.backup_base_path/BACKUP_ID.json, the same text as the
 * history keeps. A stage of the aftermath; nothing is written where no path is
 * configured. By a child with a deadline: the path may be anyone's mount.
 */
after_start_fn report_start;

#endif
