// The wire format is that of the AMQP 0-9-1 specification, section 4.2; field types as RabbitMQ reads them.
#include "agents/workers/message.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <string_view>

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

/// Appends a table entry; returns where its value is.
template <class Integer>
std::size_t append_entry(std::string& table, std::string_view name, char type, Integer value) {
  append_short(table, name);
  table.push_back(type);
  append_integer(table, value);
  return table.size() - sizeof value;
}

std::optional<std::uint64_t> non_negative(const amqp_field_value_t& value) {
  std::int64_t number = -1;
  switch (value.kind) {
    case AMQP_FIELD_KIND_I8:
      number = value.value.i8;
      break;
    case AMQP_FIELD_KIND_U8:
      number = value.value.u8;
      break;
    case AMQP_FIELD_KIND_I16:
      number = value.value.i16;
      break;
    case AMQP_FIELD_KIND_U16:
      number = value.value.u16;
      break;
    case AMQP_FIELD_KIND_I32:
      number = value.value.i32;
      break;
    case AMQP_FIELD_KIND_U32:
      number = value.value.u32;
      break;
    case AMQP_FIELD_KIND_I64:
      number = value.value.i64;
      break;
    default:
      break;
  }
  if (number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

constexpr std::string_view prefix = "troop-";

}  // namespace

std::optional<MessageHeaders> read_headers(const amqp_basic_properties_t& properties) {
  if ((properties._flags & AMQP_BASIC_HEADERS_FLAG) == 0) return std::nullopt;
  std::optional<std::uint64_t> producer, seq, attempt, key;
  for (int i = 0; i < properties.headers.num_entries; ++i) {
    const amqp_table_entry_t& entry = properties.headers.entries[i];
    const std::string_view name{static_cast<const char*>(entry.key.bytes), entry.key.len};
    if (!name.starts_with(prefix)) continue;
    const std::string_view field = name.substr(prefix.size());
    if (field == "producer")
      producer = non_negative(entry.value);
    else if (field == "seq")
      seq = non_negative(entry.value);
    else if (field == "attempt")
      attempt = non_negative(entry.value);
    else if (field == "key")
      key = non_negative(entry.value);
  }
  if (!producer || !seq || !attempt || !key) return std::nullopt;
  if (*producer > UINT16_MAX || *attempt > UINT16_MAX || *key > UINT32_MAX || *producer == 0 || *seq == 0 ||
      *attempt == 0) {
    return std::nullopt;
  }
  return MessageHeaders{static_cast<std::uint16_t>(*producer), static_cast<std::uint16_t>(*attempt),
                        static_cast<std::uint32_t>(*key), *seq};
}

MessageEncoder::MessageEncoder(const Settings& settings) : id_prefix_("p" + std::to_string(settings.producer) + "-") {
  std::size_t size_at = begin_frame(front_, AMQP_FRAME_METHOD, settings.channel);
  append_integer(front_, static_cast<std::uint32_t>(AMQP_BASIC_PUBLISH_METHOD));
  append_integer(front_, std::uint16_t{0});
  append_short(front_, "");
  append_short(front_, settings.queue);
  append_integer(front_, static_cast<std::uint8_t>(settings.mandatory ? 1 : 0));
  end_frame(front_, size_at);

  header_size_at_ = begin_frame(front_, AMQP_FRAME_HEADER, settings.channel);
  append_integer(front_, static_cast<std::uint16_t>(AMQP_BASIC_CLASS));
  append_integer(front_, std::uint16_t{0});
  append_integer(front_, static_cast<std::uint64_t>(settings.payload_bytes));
  append_integer(front_, static_cast<std::uint16_t>(AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                                                    AMQP_BASIC_MESSAGE_ID_FLAG));
  const std::size_t table_size_at = front_.size();
  append_integer(front_, std::uint32_t{0});
  append_entry(front_, "troop-producer", AMQP_FIELD_KIND_I32, static_cast<std::int32_t>(settings.producer));
  seq_at_ = append_entry(front_, "troop-seq", AMQP_FIELD_KIND_I64, std::int64_t{0});
  attempt_at_ = append_entry(front_, "troop-attempt", AMQP_FIELD_KIND_I32, std::int32_t{0});
  key_at_ = append_entry(front_, "troop-key", AMQP_FIELD_KIND_I64, std::int64_t{0});
  put(front_.data() + table_size_at, static_cast<std::uint32_t>(front_.size() - table_size_at - 4));
  append_integer(
      front_, static_cast<std::uint8_t>(settings.persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT));

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
  put(front_.data() + seq_at_, message.seq);
  put(front_.data() + attempt_at_, std::uint32_t{message.attempt});
  put(front_.data() + key_at_, std::uint64_t{message.key});

  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, message.seq).ptr;
  const auto id_bytes = id_prefix_.size() + static_cast<std::size_t>(end - digits);
  put(front_.data() + header_size_at_, static_cast<std::uint32_t>(front_.size() - header_size_at_ - 4 + 1 + id_bytes));

  out.append(front_);
  out.push_back(static_cast<char>(id_bytes));
  out.append(id_prefix_).append(digits, end);
  out.push_back(frame_end);
  out.append(body_);
}

void append_ack(std::string& out, std::uint16_t channel, std::uint64_t tag, bool multiple) {
  const std::size_t size_at = begin_frame(out, AMQP_FRAME_METHOD, channel);
  append_integer(out, static_cast<std::uint32_t>(AMQP_BASIC_ACK_METHOD));
  append_integer(out, tag);
  append_integer(out, static_cast<std::uint8_t>(multiple ? 1 : 0));
  end_frame(out, size_at);
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
