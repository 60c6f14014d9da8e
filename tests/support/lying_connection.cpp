#include "tests/support/lying_connection.hpp"

#include <amqp.h>
#include <amqp_framing.h>

#include <algorithm>
#include <utility>

namespace troop::test {
namespace {

class Pool {
 public:
  Pool() { init_amqp_pool(&pool_, 4096); }
  ~Pool() { empty_amqp_pool(&pool_); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  amqp_pool_t* get() { return &pool_; }

 private:
  amqp_pool_t pool_{};
};

std::string text_of(const amqp_bytes_t& bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }

/// "producer.seq.attempt.key" without seq and attempt; empty if it is not of this form.
std::string key_of(const std::string& header) {
  const std::size_t producer_end = header.find('.');
  const std::size_t key_dot = header.rfind('.');
  if (std::count(header.begin(), header.end(), '.') != 3) return {};
  return header.substr(0, producer_end) + header.substr(key_dot);
}

struct Identity {
  std::string id;
  std::string key;
};

/// From a content header frame: 12 bytes of class, weight and body size, then flags and properties.
Identity identity_of(std::string_view payload) {
  Identity identity;
  std::string encoded{payload.substr(12)};
  Pool pool;
  void* decoded = nullptr;
  if (amqp_decode_properties(AMQP_BASIC_CLASS, pool.get(), {encoded.size(), encoded.data()}, &decoded) < 0) {
    return identity;
  }
  const auto& properties = *static_cast<const amqp_basic_properties_t*>(decoded);
  if ((properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0) identity.id = text_of(properties.message_id);
  if ((properties._flags & AMQP_BASIC_HEADERS_FLAG) == 0) return identity;
  for (int i = 0; i < properties.headers.num_entries; ++i) {
    const amqp_table_entry_t& entry = properties.headers.entries[i];
    if (text_of(entry.key) == "troop" && entry.value.kind == AMQP_FIELD_KIND_UTF8) {
      identity.key = key_of(text_of(entry.value.value.bytes));
    }
  }
  return identity;
}

/// basic.ack, nack or reject of one message.
void append_answer(std::string& out, std::uint16_t channel, std::uint32_t method, std::uint64_t number,
                   std::uint8_t flags) {
  append_integer(out, AmqpFrame::method, 1);
  append_integer(out, channel, 2);
  append_integer(out, 4 + 8 + 1, 4);
  append_integer(out, method, 4);
  append_integer(out, number, 8);
  append_integer(out, flags, 1);
  out.push_back(AmqpFrame::end);
}

bool is_answer(std::uint32_t method) {
  return method == AMQP_BASIC_ACK_METHOD || method == AMQP_BASIC_NACK_METHOD || method == AMQP_BASIC_REJECT_METHOD;
}

}  // namespace

std::string_view to_text(Lie lie) {
  switch (lie) {
    case Lie::drop:
      return "drop";
    case Lie::duplicate:
      return "duplicate";
    case Lie::swap:
      return "swap";
  }
  return "";
}

bool LyingConnection::from_client(std::string_view bytes, RelayOutput& out) {
  client_.feed(bytes);
  while (const auto frame = client_.next()) {
    // A channel's numbers begin anew with it.
    if (frame->method_id() == AMQP_CHANNEL_OPEN_METHOD) channels_[frame->channel] = {};
    if (plan_.where == LiePlan::Where::publishes) {
      take_sent(*frame, out.to_broker, out.to_client);
    } else {
      take_answered(*frame, out.to_broker);
    }
  }
  return !client_.broken();
}

bool LyingConnection::from_broker(std::string_view bytes, RelayOutput& out) {
  broker_.feed(bytes);
  while (const auto frame = broker_.next()) {
    if (plan_.where == LiePlan::Where::deliveries) {
      take_sent(*frame, out.to_client, out.to_broker);
    } else {
      take_answered(*frame, out.to_client);
    }
  }
  return !broker_.broken();
}

void LyingConnection::take_sent(const AmqpFrame& frame, std::string& onward, std::string& back) {
  const bool deliveries = plan_.where == LiePlan::Where::deliveries;
  const std::uint32_t begins = deliveries ? AMQP_BASIC_DELIVER_METHOD : AMQP_BASIC_PUBLISH_METHOD;
  const auto found = channels_.find(frame.channel);
  if (found == channels_.end()) {
    onward.append(frame.whole);
    return;
  }
  Channel& channel = found->second;
  if (frame.type == AmqpFrame::method && frame.method_id() == begins) {
    begin(channel, frame, deliveries);
    return;
  }
  if (!channel.arriving) {
    // Behind any other method there may be no more messages to wait for: the consumer is cancelled, the channel closed.
    if (frame.type == AmqpFrame::method) give_up_waiting(channel, onward);
    onward.append(frame.whole);
    return;
  }
  Message& message = *channel.arriving;
  message.frames.append(frame.whole);
  if (frame.type == AmqpFrame::content_header && frame.payload.size() >= 14) {
    message.header_seen = true;
    message.body_left = read_integer(frame.payload.substr(4), 8);
    auto identity = identity_of(frame.payload);
    message.id = std::move(identity.id);
    message.key = std::move(identity.key);
  } else if (frame.type == AmqpFrame::body) {
    message.body_left -= std::min<std::uint64_t>(message.body_left, frame.payload.size());
  }
  if (!message.whole()) return;
  Message whole = std::move(message);
  channel.arriving.reset();
  arrived(channel, frame.channel, std::move(whole), onward, back);
}

void LyingConnection::begin(Channel& channel, const AmqpFrame& frame, bool delivery) {
  Message message;
  message.frames = frame.whole;
  if (delivery) {
    // basic.deliver: consumer tag (a byte of length, then text), delivery tag, redelivered ...
    constexpr std::size_t consumer_tag_at = 4;
    const std::size_t tag_at = consumer_tag_at + 1 + read_integer(frame.payload.substr(consumer_tag_at), 1);
    message.tag_at = AmqpFrame::head_bytes + tag_at;
    message.number = read_integer(frame.payload.substr(tag_at), 8);
    message.redelivered = (read_integer(frame.payload.substr(tag_at + 8), 1) & 1) != 0;
  } else {
    message.number = ++channel.published;
  }
  channel.arriving = std::move(message);
}

void LyingConnection::arrived(Channel& channel, std::uint16_t number, Message message, std::string& onward,
                              std::string& back) {
  ++report_.messages;
  const std::string key = message.key;
  const auto secret = plan_.secrets.find(message.id);
  const bool chosen = secret != plan_.secrets.end() && !message.redelivered && !report_.told.contains(message.id);
  if (!chosen) {
    pass_on(channel, std::move(message), onward);
  } else if (secret->second == Lie::drop) {
    report_.told.emplace(message.id, Lie::drop);
    append_answer(back, number, AMQP_BASIC_ACK_METHOD, message.number, 0);
    return;
  } else if (secret->second == Lie::swap) {
    channel.held.push_back({std::move(message), Lie::swap, 0});
    return;
  } else {
    Held copy{message, Lie::duplicate, plan_.duplicate_after + 1};
    copy.message.number = 0;
    pass_on(channel, std::move(message), onward);
    channel.held.push_back(std::move(copy));
  }
  release(channel, key, onward);
}

void LyingConnection::pass_on(Channel& channel, Message message, std::string& onward) {
  channel.open.emplace(++channel.passed_on, message.number);
  if (message.tag_at != 0) write_integer(message.frames, message.tag_at, channel.passed_on, 8);
  onward.append(message.frames);
}

void LyingConnection::release(Channel& channel, const std::string& key, std::string& onward) {
  auto held = std::exchange(channel.held, {});
  for (Held& each : held) {
    const bool due = each.lie == Lie::swap ? each.message.key == key : --each.wait == 0;
    if (!due) {
      channel.held.push_back(std::move(each));
      continue;
    }
    report_.told.emplace(each.message.id, each.lie);
    pass_on(channel, std::move(each.message), onward);
  }
}

void LyingConnection::give_up_waiting(Channel& channel, std::string& onward) {
  for (Held& each : std::exchange(channel.held, {})) {
    if (each.lie == Lie::duplicate) {
      report_.told.emplace(each.message.id, each.lie);
    } else {
      report_.problems.push_back("no message of its key came behind " + each.message.id);
    }
    pass_on(channel, std::move(each.message), onward);
  }
}

void LyingConnection::take_answered(const AmqpFrame& frame, std::string& onward) {
  const auto found = channels_.find(frame.channel);
  if (found != channels_.end() && is_answer(frame.method_id()) && frame.payload.size() >= 13) {
    settle(found->second, frame, onward);
  } else {
    onward.append(frame.whole);
  }
}

void LyingConnection::settle(Channel& channel, const AmqpFrame& frame, std::string& onward) {
  const std::uint32_t method = frame.method_id();
  const std::uint64_t number = read_integer(frame.payload.substr(4), 8);
  const auto flags = static_cast<std::uint8_t>(read_integer(frame.payload.substr(12), 1));
  // Of ack and nack the lowest bit is "all up to this one", number 0 being "all". Each is answered by itself then:
  // between them may be some that the other side does not know.
  const bool multiple = method != AMQP_BASIC_REJECT_METHOD && (flags & 1) != 0;
  const auto one_flags = static_cast<std::uint8_t>(multiple ? flags & ~1 : flags);
  auto first = multiple ? channel.open.begin() : channel.open.find(number);
  auto last = multiple && number == 0 ? channel.open.end() : channel.open.upper_bound(number);
  if (first == last || first == channel.open.end()) {
    report_.problems.push_back("an answer to number " + std::to_string(number) + ", which is not open");
    return;
  }
  for (auto each = first; each != last; ++each) {
    if (each->second != 0) append_answer(onward, frame.channel, method, each->second, one_flags);
  }
  channel.open.erase(first, last);
}

}  // namespace troop::test
