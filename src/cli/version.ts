/**
 * The version for the command line. It is in code because a JSR package, and a program without permission to read
 * files, have no manifest to read. A test compares it with both manifests.
 *
 * @module
 */

/** The version of this package. */
export const VERSION = "0.7.0";
