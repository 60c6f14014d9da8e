// Writes a history: one event a line, in the field order of README.md, each line whole or not at all in the buffer.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "common/unique_fd.hpp"
#include "reports/history/event.hpp"

namespace troop::history {

/// Appends `event` to `out` as one line with its newline, under the given index. What the event lacks (empty text, -1,
/// false) is left out; `line` is ignored. Bytes that are no UTF-8 become U+FFFD, so that the line always reads back.
void append_line(std::string& out, const Event& event, std::int64_t index);

/// Assigns `index`. Not safe for several threads. What is not flushed when it is destroyed is flushed then, as well as
/// it goes: call flush() where it matters.
class Writer {
 public:
  /// Creates `path` or empties it. Errors: usage.
  static Result<Writer> open(const std::filesystem::path& path);

  Writer(Writer&&) noexcept = default;
  Writer& operator=(Writer&&) = delete;
  ~Writer();

  /// Errors: lost, where the disk is full or broken: from then on every call fails and nothing more is written.
  /// Blocks when the buffer is full.
  Result<void> append(const Event& event);
  /// For the rare events whose fields are not in Event: `extra` follows the common ones, in its own order.
  Result<void> append(std::int64_t time, std::string_view process, Type type, std::string_view f,
                      const boost::json::object& extra);
  /// Hands everything to the kernel; does not wait for the disk. Errors: lost.
  Result<void> flush();
  /// Also waits for the disk. Errors: lost.
  Result<void> sync();

  /// Events appended so far: the next one's index.
  [[nodiscard]] std::int64_t events() const { return events_; }

 private:
  Writer(UniqueFd file, std::string name);
  UniqueFd file_;
  std::string name_;
  std::string buffer_;
  std::int64_t events_ = 0;
  int failure_ = 0;  ///< errno of the write that failed.
};

}  // namespace troop::history
