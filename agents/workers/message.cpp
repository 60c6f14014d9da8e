// The wire format is that of the AMQP 0-9-1 specification, section 4.2; field types as RabbitMQ reads them.
#include "agents/workers/message.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <system_error>

namespace troop::agents {
namespace {

constexpr char frame_end = static_cast<char>(0xCE);

template <class Integer>
void put(char* at, Integer value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    at[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * (sizeof value - 1 - i)));
  }
}

template <class Integer>
void append_integer(std::string& out, Integer value) {
  char bytes[sizeof value];
  put(bytes, value);
  out.append(bytes, sizeof bytes);
}

void append_short(std::string& out, std::string_view text) {
  out.push_back(static_cast<char>(text.size()));
  out.append(text);
}

/// Begins a frame; returns where its size has to be written.
std::size_t begin_frame(std::string& out, std::uint8_t type, std::uint16_t channel) {
  append_integer(out, type);
  append_integer(out, channel);
  append_integer(out, std::uint32_t{0});
  return out.size() - 4;
}

void end_frame(std::string& out, std::size_t size_at) {
  put(out.data() + size_at, static_cast<std::uint32_t>(out.size() - size_at - 4));
  out.push_back(frame_end);
}

/// Up to 20 digits.
void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/// Takes a number from 1 (or 0, if `zero`) to the largest of its type, and the `separator` behind it, off `text`.
template <class Integer>
bool take(std::string_view& text, Integer& number, bool zero, std::string_view separator) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || (number == 0 && !zero)) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.starts_with(separator)) return false;
  text.remove_prefix(separator.size());
  return true;
}

std::optional<MessageHeaders> parse(std::string_view text) {
  MessageHeaders headers;
  if (!take(text, headers.producer, false, ".") || !take(text, headers.seq, false, ".") ||
      !take(text, headers.attempt, false, ".") || !take(text, headers.key, true, "") || !text.empty()) {
    return std::nullopt;
  }
  return headers;
}

constexpr std::string_view header_name = "troop";

bool is_text(const amqp_field_value_t* value) { return value != nullptr && value->kind == AMQP_FIELD_KIND_UTF8; }

std::string_view text_of(const amqp_field_value_t& value) {
  return {static_cast<const char*>(value.value.bytes.bytes), value.value.bytes.len};
}

/// The first of its name; null: there is none.
const amqp_field_value_t* find_entry(const amqp_table_t& table, std::string_view name) {
  for (int i = 0; i < table.num_entries; ++i) {
    const amqp_table_entry_t& entry = table.entries[i];
    if (std::string_view{static_cast<const char*>(entry.key.bytes), entry.key.len} == name) return &entry.value;
  }
  return nullptr;
}

const amqp_field_value_t* find_header(const amqp_basic_properties_t& properties, std::string_view name) {
  return (properties._flags & AMQP_BASIC_HEADERS_FLAG) == 0 ? nullptr : find_entry(properties.headers, name);
}

protocol::SinkReason reason_of(std::string_view reason) {
  if (reason == "expired") return protocol::SinkReason::expired;
  return reason == "maxlen" ? protocol::SinkReason::overflow : protocol::SinkReason::dead_lettered;
}

}  // namespace

std::optional<MessageHeaders> read_headers(const amqp_basic_properties_t& properties) {
  const amqp_field_value_t* ours = find_header(properties, header_name);
  if (!is_text(ours)) return std::nullopt;
  return parse(text_of(*ours));
}

std::optional<Death> read_death(const amqp_basic_properties_t& properties) {
  const amqp_field_value_t* deaths = find_header(properties, "x-death");
  if (deaths == nullptr || deaths->kind != AMQP_FIELD_KIND_ARRAY || deaths->value.array.num_entries < 1) {
    return std::nullopt;
  }
  const amqp_field_value_t& newest = deaths->value.array.entries[0];
  if (newest.kind != AMQP_FIELD_KIND_TABLE) return std::nullopt;
  const amqp_field_value_t* queue = find_entry(newest.value.table, "queue");
  const amqp_field_value_t* reason = find_entry(newest.value.table, "reason");
  if (!is_text(queue) || !is_text(reason)) return std::nullopt;
  return Death{std::string{text_of(*queue)}, reason_of(text_of(*reason))};
}

MessageEncoder::MessageEncoder(const Settings& settings)
    : producer_(std::to_string(settings.producer)),
      delivery_mode_(settings.persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT),
      priorities_(static_cast<std::uint64_t>(settings.priorities)) {
  std::size_t size_at = begin_frame(front_, AMQP_FRAME_METHOD, settings.channel);
  append_integer(front_, static_cast<std::uint32_t>(AMQP_BASIC_PUBLISH_METHOD));
  append_integer(front_, std::uint16_t{0});
  append_short(front_, settings.exchange);
  append_short(front_, settings.routing_key);
  append_integer(front_, static_cast<std::uint8_t>(settings.mandatory ? 1 : 0));
  end_frame(front_, size_at);

  header_size_at_ = begin_frame(front_, AMQP_FRAME_HEADER, settings.channel);
  append_integer(front_, static_cast<std::uint16_t>(AMQP_BASIC_CLASS));
  append_integer(front_, std::uint16_t{0});
  append_integer(front_, static_cast<std::uint64_t>(settings.payload_bytes));
  append_integer(
      front_, static_cast<std::uint16_t>(AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                                         AMQP_BASIC_MESSAGE_ID_FLAG | (priorities_ > 0 ? AMQP_BASIC_PRIORITY_FLAG : 0) |
                                         (settings.expiration.empty() ? 0 : AMQP_BASIC_EXPIRATION_FLAG)));
  if (!settings.expiration.empty()) append_short(expiration_, settings.expiration);
  if (settings.delay_ms) {
    append_short(delay_, "x-delay");
    delay_.push_back('I');
    append_integer(delay_, *settings.delay_ms);
  }

  const std::size_t room = settings.frame_bytes_max - 8;
  for (std::size_t done = 0; done < settings.payload_bytes;) {
    const std::size_t part = std::min(room, settings.payload_bytes - done);
    size_at = begin_frame(body_, AMQP_FRAME_BODY, settings.channel);
    for (std::size_t i = 0; i < part; ++i) body_.push_back(static_cast<char>('a' + (done + i) % 26));
    end_frame(body_, size_at);
    done += part;
  }
}

void MessageEncoder::append(std::string& out, const OutgoingMessage& message) {
  const std::size_t size_at = out.size() + header_size_at_;
  out.append(front_);

  const std::size_t table_at = out.size();
  append_integer(out, std::uint32_t{0});
  append_short(out, header_name);
  out.push_back('S');
  const std::size_t text_at = out.size();
  append_integer(out, std::uint32_t{0});
  out.append(producer_).push_back('.');
  append_number(out, message.seq);
  out.push_back('.');
  append_number(out, message.attempt);
  out.push_back('.');
  append_number(out, message.key);
  put(out.data() + text_at, static_cast<std::uint32_t>(out.size() - text_at - 4));
  out.append(delay_);
  put(out.data() + table_at, static_cast<std::uint32_t>(out.size() - table_at - 4));

  append_integer(out, delivery_mode_);
  if (priorities_ > 0) append_integer(out, static_cast<std::uint8_t>(message.seq % priorities_));
  out.append(expiration_);

  const std::size_t id_at = out.size();
  out.append(1, '\0').append("p").append(producer_).push_back('-');
  append_number(out, message.seq);
  put(out.data() + id_at, static_cast<std::uint8_t>(out.size() - id_at - 1));

  end_frame(out, size_at);
  out.append(body_);
}

namespace {

/// ack, nack and reject are a tag and a byte of flags.
void append_settlement(std::string& out, std::uint16_t channel, amqp_method_number_t method, std::uint64_t tag,
                       std::uint8_t flags) {
  const std::size_t size_at = begin_frame(out, AMQP_FRAME_METHOD, channel);
  append_integer(out, static_cast<std::uint32_t>(method));
  append_integer(out, tag);
  append_integer(out, flags);
  end_frame(out, size_at);
}

}  // namespace

void append_ack(std::string& out, std::uint16_t channel, std::uint64_t tag, bool multiple) {
  append_settlement(out, channel, AMQP_BASIC_ACK_METHOD, tag, multiple ? 1 : 0);
}

void append_requeue(std::string& out, std::uint16_t channel, std::uint64_t tag) {
  append_settlement(out, channel, AMQP_BASIC_NACK_METHOD, tag, 2);
}

void append_reject(std::string& out, std::uint16_t channel, std::uint64_t tag) {
  append_settlement(out, channel, AMQP_BASIC_REJECT_METHOD, tag, 0);
}

void append_cancel(std::string& out, std::uint16_t channel, const std::string& consumer_tag) {
  const std::size_t size_at = begin_frame(out, AMQP_FRAME_METHOD, channel);
  append_integer(out, static_cast<std::uint32_t>(AMQP_BASIC_CANCEL_METHOD));
  append_short(out, consumer_tag);
  append_integer(out, std::uint8_t{0});
  end_frame(out, size_at);
}

void append_method(std::string& out, std::uint16_t channel, amqp_method_number_t method) {
  const std::size_t size_at = begin_frame(out, AMQP_FRAME_METHOD, channel);
  append_integer(out, static_cast<std::uint32_t>(method));
  end_frame(out, size_at);
}

}  // namespace troop::agents
