/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * integrity.h - the answer to the runtime's integrity check.
 *
 * At the end of its start, every copy of NVIDIA's runtime hands the driver a
 * version and the time, and wants 16 bytes back. They depend on the process,
 * the thread, the addresses of two private tables and the devices, so they
 * are computed here in the guest; a wrong answer makes every runtime call of
 * that copy return cudaErrorSoftwareValidityNotEstablished (103).
 */
#ifndef VG_INTEGRITY_H
#define VG_INTEGRITY_H

#include <stddef.h>
#include <stdint.h>

#define INTEGRITY_BYTES 16

struct integrity_device {
	uint8_t uuid[16]; /* as the unsuffixed cuDeviceGetUuid returns it */
	int32_t pci_domain;
	int32_t pci_bus;
	int32_t pci_device;
};

/* Everything that the digest depends on. */
struct integrity_input {
	uint32_t driver_version; /* as cuDriverGetVersion reports it */
	uint32_t version;	 /* what the caller asked for */
	uint32_t pid;
	uint32_t tid;	       /* low half of pthread_self() */
	uint64_t cudart_table; /* addresses as they were handed out */
	uint64_t integrity_table;
	uint64_t function; /* the pointer in its slot 1 */
	uint64_t unix_seconds;
	const struct integrity_device *devices;
	size_t ndevices;
};

void integrity_result(const struct integrity_input *in,
		      uint8_t ret[INTEGRITY_BYTES]);

#endif
