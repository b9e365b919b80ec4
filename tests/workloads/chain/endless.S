/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug information that is sound, small, and takes a reader hours: a unit that covers the whole program, with twenty
 * thousand blocks, each of which says that its code lies in the same hundred thousand ranges. None of them is any code's.
 */
#define BLOCKS	20000
#define RANGES	100000

	.section .debug_abbrev,"",@progbits
	.uleb128 1, 0x11		/* DW_TAG_compile_unit */
	.byte 1				/* with children */
	.uleb128 0x11, 0x01		/* DW_AT_low_pc, DW_FORM_addr */
	.uleb128 0x12, 0x01		/* DW_AT_high_pc, DW_FORM_addr */
	.uleb128 0, 0
	.uleb128 2, 0x0b		/* DW_TAG_lexical_block */
	.byte 0				/* without */
	.uleb128 0x55, 0x17		/* DW_AT_ranges, DW_FORM_sec_offset */
	.uleb128 0, 0
	.byte 0

	.section .debug_info,"",@progbits
	.long unit_end - unit_start
unit_start:
	.short 4			/* DWARF 4 */
	.long .debug_abbrev
	.byte 8				/* bytes of an address */
	.uleb128 1
	.quad __executable_start
	.quad etext
	.rept BLOCKS
	.byte 2
	.long ranges
	.endr
	.byte 0
unit_end:

	.section .debug_ranges,"",@progbits
ranges:
	.rept RANGES
	.quad 1, 2			/* from the unit's beginning on: the ELF header */
	.endr
	.quad 0, 0

	.section .note.GNU-stack,"",@progbits
