// Frames on the control socket: 4 bytes length (of what follows, little-endian), 1 byte kind, then the body.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agents/protocol/record.hpp"
#include "common/error.hpp"

namespace troop::protocol {

inline constexpr int version = 2;
inline constexpr std::size_t frame_bytes_max = 1 << 20;      ///< Everything a peer sends is bounded.
inline constexpr std::size_t log_piece_bytes_max = 1 << 18;  ///< Of one frame.
inline constexpr std::size_t log_bytes_max = 4 << 20;        ///< Of one log, all its frames together.

enum class FrameKind : std::uint8_t {
  message = 1,    ///< A JSON object (messages.hpp).
  records = 2,    ///< 2 bytes worker index, then whole records.
  watermark = 3,  ///< 8 bytes CLOCK_MONOTONIC, ns: every record that was visible at that time has been sent.
  log = 4,  ///< 1 byte length of a name, the name, then the next bytes of the log of that name. In reply to `stop`.
};

struct Frame {
  FrameKind kind{};
  std::string_view body;  ///< Borrowed from the reader until the next feed().
};

/// Splits a byte stream into frames. Pure: no I/O.
class FrameReader {
 public:
  void feed(std::string_view bytes);
  /// The next whole frame, nothing if more bytes are needed, an error (kind protocol) if the peer broke the rules.
  Result<std::optional<Frame>> next();

 private:
  std::string buffer_;
  std::size_t consumed_ = 0;
};

std::string message_frame(std::string_view json);
std::string records_frame(std::uint16_t worker, std::span<const Record> records);
std::string watermark_frame(std::int64_t time);
/// `bytes` are at most log_piece_bytes_max, `name` at most 255.
std::string log_frame(std::string_view name, std::string_view bytes);

struct RecordBatch {
  std::uint16_t worker = 0;
  std::vector<Record> records;
};
/// Refuses half records, and kinds and errors that do not exist: they would become lines that no reader takes.
Result<RecordBatch> decode_records(std::string_view body);
Result<std::int64_t> decode_watermark(std::string_view body);

/// A piece of a log; text is borrowed from the body.
struct LogPiece {
  std::string_view name;
  std::string_view bytes;
};
Result<LogPiece> decode_log(std::string_view body);

}  // namespace troop::protocol
