// The documents that a run is written as. Rendering is pure: same document, same text. Nothing here blocks but the two
// functions that touch files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "reports/formats/run_document.hpp"

namespace troop::formats {

struct Options {
  bool colour = false;      ///< ANSI colours. The caller has looked at isatty() and NO_COLOR.
  std::size_t width = 100;  ///< Columns of the terminal; held within 40 and 100.
  std::string directory;    ///< Where the run's files are, for the reader to find. May be empty.
};

/// The summary after a run, verdict first.
std::string to_terminal(const RunDocument& document, const Options& options = {});

/// `run.json`, as README.md beside this file documents it. Ends with a newline.
std::string to_json(const RunDocument& document);

/// Reads what to_json() wrote. Fields that a later version added are skipped. Errors are usage errors that name the
/// field, prefixed with `source`: "run.json: faults[0].name: text expected".
Result<RunDocument> from_json(std::string_view text, std::string_view source = "run.json");

/// `report.html`: one file that opens offline and asks no network for anything.
std::string to_html(const RunDocument& document);

/// `junit.xml`: one suite, a case for each invariant and one for the run. Its cases are all green only if the exit code
/// is 0. Well-formed XML 1.0 whatever the document quotes.
std::string to_junit(const RunDocument& document, const Options& options = {});

/// `summary.md` for a pull request: at most some 60 KB whatever happened. Nothing that it quotes is taken for markup.
std::string to_markdown(const RunDocument& document, const Options& options = {});

struct Format {
  std::string_view name;  ///< What `--format` takes.
  std::string_view file;  ///< Its file in the run directory; empty: it has none.
  std::string (*render)(const RunDocument& document, const Options& options);
};

/// All of them.
std::span<const Format> formats();
/// nullptr: there is no such format.
const Format* find_format(std::string_view name);

/// Replaces `path` as a whole or leaves it as it was: writes a temporary file beside it, syncs, renames. A full disk
/// and any other failure is ErrorKind::lost with the reason; nothing half-written stays. Blocks on the disk.
Result<void> write_file(const std::filesystem::path& path, std::string_view text);

/// Writes every format that has a file into `directory`. Tries them all; the first failure is the result.
Result<void> write(const RunDocument& document, const std::filesystem::path& directory);

/// Reads `directory`/run.json. A folder or file that is missing, too large or damaged is a usage error that says so.
Result<RunDocument> read(const std::filesystem::path& directory);

}  // namespace troop::formats
