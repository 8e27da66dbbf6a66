/**
 * The version that the command line tells. It stands here because neither a package from JSR nor a program that may
 * read no files has a manifest to look into; a test compares it with both.
 *
 * @module
 */

/** The version of this package. */
export const VERSION = "0.7.0";
