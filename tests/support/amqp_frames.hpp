// Cuts a byte stream into AMQP 0-9-1 frames (specification, sections 2.3.5 and 4.2.3). Nothing of the product is in it:
// a mistake of ours in writing frames must not be repeated in reading them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troop::test {

/// The number in the first `size` bytes of `bytes`, which has as many. Big-endian, as everything in AMQP.
inline std::uint64_t read_integer(std::string_view bytes, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// Writes `value` into the `size` bytes from `at` on.
inline void write_integer(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<char>(value >> (8 * (size - 1 - i)));
}

inline void append_integer(std::string& out, std::uint64_t value, std::size_t size) {
  out.resize(out.size() + size);
  write_integer(out, out.size() - size, value, size);
}

struct AmqpFrame {
  enum Type : std::uint8_t { protocol_header = 'A', method = 1, content_header = 2, body = 3 };
  static constexpr std::size_t head_bytes = 7;
  static constexpr char end = static_cast<char>(0xCE);

  std::uint8_t type = 0;
  std::uint16_t channel = 0;
  std::string_view payload;
  std::string_view whole;

  /// Class and method as one number, 60 and 40 as 0x003C0028; 0 where this is no method.
  [[nodiscard]] std::uint32_t method_id() const {
    if (type != method || payload.size() < 4) return 0;
    return static_cast<std::uint32_t>(read_integer(payload, 4));
  }
};

/// One direction of one connection. Holds no more than one frame and what was fed behind it.
class FrameCutter {
 public:
  /// RabbitMQ negotiates 128 KiB; what claims to be bigger than this is no frame.
  static constexpr std::size_t payload_bytes_max = 1024 * 1024;

  /// Frames handed out before are gone then.
  void feed(std::string_view bytes) {
    buffer_.erase(0, at_);
    at_ = 0;
    buffer_.append(bytes);
  }
  /// The next frame, once it is whole. The protocol header, with which a client begins, counts as one.
  std::optional<AmqpFrame> next() {
    const std::string_view rest = std::string_view{buffer_}.substr(at_);
    if (broken_ || rest.empty()) return std::nullopt;
    if (rest.front() == AmqpFrame::protocol_header) {
      constexpr std::size_t size = 8;
      if (rest.size() < size) return std::nullopt;
      at_ += size;
      return AmqpFrame{AmqpFrame::protocol_header, 0, rest.substr(0, 0), rest.substr(0, size)};
    }
    if (rest.size() < AmqpFrame::head_bytes) return std::nullopt;
    const std::size_t payload_bytes = read_integer(rest.substr(3), 4);
    const std::size_t size = AmqpFrame::head_bytes + payload_bytes + 1;
    broken_ = payload_bytes > payload_bytes_max || (rest.size() >= size && rest[size - 1] != AmqpFrame::end);
    if (broken_ || rest.size() < size) return std::nullopt;
    at_ += size;
    return AmqpFrame{static_cast<std::uint8_t>(rest.front()),
                     static_cast<std::uint16_t>(read_integer(rest.substr(1), 2)),
                     rest.substr(AmqpFrame::head_bytes, payload_bytes), rest.substr(0, size)};
  }
  /// These were no frames; nothing more comes out.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  std::string buffer_;
  std::size_t at_ = 0;
  bool broken_ = false;
};

}  // namespace troop::test
