// Reads a history: newline-delimited JSON, one event a line, as README.md beside this file documents it.
//
// Streaming: the file is read in pieces, so memory does not grow with its length. Strict: every line is parsed in full,
// and the first one that is not an event ends the reading with "file:line: reason".
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "reports/history/event.hpp"

namespace troop::history {

/// A longer line is no event of ours; it is refused before it can fill the memory.
inline constexpr std::size_t line_bytes_max = std::size_t{1} << 20;

class Reader {
 public:
  /// Errors: usage, where the file is missing, a folder, or may not be read. Reads nothing yet.
  static Result<Reader> open(const std::filesystem::path& path);
  /// Over text that the caller keeps alive; `name` stands for the file in messages.
  static Reader over(std::string_view text, std::string name = "history");

  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  /// The next event; nullptr at the end. The event and its text live until the next call. Errors: usage for a malformed
  /// line, lost where the disk fails. After an error or the end, do not call it again. Blocks on the disk only.
  Result<const Event*> next();

  /// Events handed out so far.
  [[nodiscard]] std::int64_t events() const;
  /// After the end: false where the history is empty or was cut short (a dropped last line; a `run` start without
  /// stop).
  [[nodiscard]] bool complete() const;
  /// After the end: what a person should know, such as a dropped last line.
  [[nodiscard]] const std::vector<std::string>& warnings() const;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace troop::history
