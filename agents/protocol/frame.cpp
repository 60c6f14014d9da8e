#include "agents/protocol/frame.hpp"

#include <cstring>

namespace troop::protocol {
namespace {

constexpr std::size_t header_bytes = 5;

Error broken(std::string what) { return {ErrorKind::protocol, std::move(what)}; }

std::string frame(FrameKind kind, std::size_t body_bytes) {
  std::string out;
  out.reserve(header_bytes + body_bytes);
  const auto length = static_cast<std::uint32_t>(1 + body_bytes);
  out.append(reinterpret_cast<const char*>(&length), sizeof length);
  out.push_back(static_cast<char>(kind));
  return out;
}

template <class T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

bool is_known(const Record& record) {
  return record.kind >= RecordKind::publish_invoke && record.kind <= last_record_kind &&
         record.error <= RecordError::refused && record.sink <= last_sink_reason;
}

}  // namespace

void FrameReader::feed(std::string_view bytes) {
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  buffer_.append(bytes);
}

Result<std::optional<Frame>> FrameReader::next() {
  const std::string_view rest = std::string_view{buffer_}.substr(consumed_);
  if (rest.size() < header_bytes) return std::optional<Frame>{};
  std::uint32_t length = 0;
  std::memcpy(&length, rest.data(), sizeof length);
  if (length == 0 || length > frame_bytes_max) return broken("frame of " + std::to_string(length) + " bytes");
  if (rest.size() < sizeof length + length) return std::optional<Frame>{};
  const auto kind = static_cast<std::uint8_t>(rest[sizeof length]);
  if (kind < 1 || kind > 4) return broken("frame of unknown kind " + std::to_string(kind));
  consumed_ += sizeof length + length;
  return std::optional<Frame>{Frame{static_cast<FrameKind>(kind), rest.substr(header_bytes, length - 1)}};
}

std::string message_frame(std::string_view json) {
  std::string out = frame(FrameKind::message, json.size());
  out.append(json);
  return out;
}

std::string records_frame(std::uint16_t worker, std::span<const Record> records) {
  std::string out = frame(FrameKind::records, sizeof worker + records.size_bytes());
  append(out, worker);
  out.append(reinterpret_cast<const char*>(records.data()), records.size_bytes());
  return out;
}

std::string watermark_frame(std::int64_t time) {
  std::string out = frame(FrameKind::watermark, sizeof time);
  append(out, time);
  return out;
}

std::string log_frame(std::string_view name, std::string_view bytes) {
  std::string out = frame(FrameKind::log, 1 + name.size() + bytes.size());
  out.push_back(static_cast<char>(static_cast<std::uint8_t>(name.size())));
  out.append(name).append(bytes);
  return out;
}

Result<RecordBatch> decode_records(std::string_view body) {
  RecordBatch batch;
  if (body.size() < sizeof batch.worker || (body.size() - sizeof batch.worker) % sizeof(Record) != 0) {
    return broken("a batch of records of " + std::to_string(body.size()) + " bytes");
  }
  std::memcpy(&batch.worker, body.data(), sizeof batch.worker);
  body.remove_prefix(sizeof batch.worker);
  batch.records.resize(body.size() / sizeof(Record));
  if (!body.empty()) std::memcpy(batch.records.data(), body.data(), body.size());
  for (const Record& record : batch.records) {
    if (!is_known(record)) return broken("a record of a kind or with an error that no worker writes");
  }
  return batch;
}

Result<std::int64_t> decode_watermark(std::string_view body) {
  std::int64_t time = 0;
  if (body.size() != sizeof time) return broken("a watermark of " + std::to_string(body.size()) + " bytes");
  std::memcpy(&time, body.data(), sizeof time);
  return time;
}

Result<LogPiece> decode_log(std::string_view body) {
  const std::size_t name_bytes = body.empty() ? 0 : static_cast<std::uint8_t>(body.front());
  if (name_bytes == 0 || body.size() < 1 + name_bytes) return broken("a piece of a log without a name");
  return LogPiece{body.substr(1, name_bytes), body.substr(1 + name_bytes)};
}

}  // namespace troop::protocol
