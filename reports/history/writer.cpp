#include "reports/history/writer.hpp"

#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <charconv>

#include "reports/history/names.hpp"

namespace troop::history {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10;

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '"' || c == '\\')
      return false;
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const bool is_utf8 = simdjson::validate_utf8(text.data(), text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else if (byte >= 0x80 && !is_utf8) {
      out += "\\ufffd";
    } else {
      out += c;
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  if (is_plain(text))
    out += text;
  else
    append_escaped(out, text);
  out += '"';
}

void append_number(std::string& out, std::int64_t number) {
  char digits[24];
  const auto [last, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, last);
}

/// `name` with its comma, quotes and colon: ",\"time\":".
void text_field(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out += name;
  append_quoted(out, text);
}

void number_field(std::string& out, std::string_view name, std::int64_t number) {
  if (number < 0) return;
  out += name;
  append_number(out, number);
}

void common_fields(std::string& out, std::int64_t index, std::int64_t time, std::string_view process, Type type,
                   std::string_view f) {
  out += "{\"index\":";
  append_number(out, index);
  out += ",\"time\":";
  append_number(out, time);
  out += ",\"process\":";
  append_quoted(out, process);
  out += ",\"type\":\"";
  out += to_text(type);
  out += "\",\"f\":";
  append_quoted(out, f);
}

}  // namespace

void append_line(std::string& out, const Event& event, std::int64_t index) {
  const std::string_view f = event.f == Subject::other ? event.f_name : to_text(event.f);
  common_fields(out, index, event.time, event.process, event.type, f);
  number_field(out, ",\"op\":", event.op);
  text_field(out, ",\"id\":", event.id);
  number_field(out, ",\"attempt\":", event.attempt);
  text_field(out, ",\"key\":", event.key);
  number_field(out, ",\"seq\":", event.seq);
  number_field(out, ",\"intended\":", event.intended);
  if (event.has_exchange) {
    out += ",\"exchange\":";
    append_quoted(out, event.exchange);
  }
  text_field(out, ",\"routing_key\":", event.routing_key);
  text_field(out, ",\"queue\":", event.queue);
  text_field(out, ",\"producer\":", event.producer);
  text_field(out, ",\"channel\":", event.channel);
  number_field(out, ",\"tag\":", event.tag);
  if (event.redelivered) out += ",\"redelivered\":true";
  if (event.multiple) out += ",\"multiple\":true";
  if (event.requeue) out += ",\"requeue\":true";
  text_field(out, ",\"ack\":", event.ack);
  text_field(out, ",\"name\":", event.name);
  text_field(out, ",\"target\":", event.target);
  text_field(out, ",\"phase\":", event.phase);
  text_field(out, ",\"reason\":", event.reason);
  if (event.f == Subject::sink) {
    text_field(out, ",\"value\":", event.value);
  } else if (!event.value.empty()) {
    out += ",\"value\":";
    out += event.value;
  }
  text_field(out, ",\"error\":", event.error);
  out += "}\n";
}

Writer::Writer(UniqueFd file, std::string name) : file_(std::move(file)), name_(std::move(name)) {
  buffer_.reserve(buffer_bytes + 4096);
}

Writer::~Writer() {
  if (file_) (void)flush();
}

Result<Writer> Writer::open(const std::filesystem::path& path) {
  UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  if (!file) return system_error(ErrorKind::usage, path.string(), errno);
  return Writer{std::move(file), path.string()};
}

Result<void> Writer::append(const Event& event) {
  append_line(buffer_, event, events_++);
  if (buffer_.size() >= buffer_bytes) return flush();
  return success();
}

Result<void> Writer::append(std::int64_t time, std::string_view process, Type type, std::string_view f,
                            const boost::json::object& extra) {
  common_fields(buffer_, events_++, time, process, type, f);
  if (!extra.empty()) {
    const std::string text = boost::json::serialize(extra);
    buffer_ += ',';
    buffer_.append(text, 1, text.npos);
  } else {
    buffer_ += '}';
  }
  buffer_ += '\n';
  if (buffer_.size() >= buffer_bytes) return flush();
  return success();
}

Result<void> Writer::flush() {
  std::size_t written = 0;
  while (failure_ == 0 && written < buffer_.size()) {
    const ssize_t count = ::write(file_.get(), buffer_.data() + written, buffer_.size() - written);
    if (count >= 0)
      written += static_cast<std::size_t>(count);
    else if (errno != EINTR)
      failure_ = errno;
  }
  buffer_.clear();
  if (failure_ != 0) return system_error(ErrorKind::lost, name_ + ": write", failure_);
  return success();
}

Result<void> Writer::sync() {
  BOOST_OUTCOME_TRY(flush());
  if (::fsync(file_.get()) != 0) return system_error(ErrorKind::lost, name_ + ": fsync", errno);
  return success();
}

}  // namespace troop::history
