#include "agents/host/packet_bytes.hpp"

#include <netinet/in.h>

#include <optional>

namespace troop::agents {
namespace {

using Packet = std::vector<std::uint8_t>;
using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t udp_header = 8;

struct Place {
  std::size_t begin;  ///< Of the transport's header.
  int protocol;
};

std::size_t word(Bytes packet, std::size_t at) { return std::size_t{packet[at]} << 8 | packet[at + 1]; }
void set_word(Packet& packet, std::size_t at, std::size_t value) {
  packet[at] = static_cast<std::uint8_t>(value >> 8);
  packet[at + 1] = static_cast<std::uint8_t>(value & 0xff);
}

std::optional<Place> transport_v4(Bytes packet) {
  if (packet.size() < 20 || word(packet, 2) != packet.size()) return std::nullopt;  // cut short: not whole
  return Place{std::size_t{packet[0] & 0xfU} * 4, packet[9]};
}

std::optional<Place> transport_v6(Bytes packet) {
  constexpr std::size_t fixed = 40;
  if (packet.size() < fixed || word(packet, 4) + fixed != packet.size()) return std::nullopt;
  Place place{fixed, packet[6]};
  while (place.protocol == IPPROTO_HOPOPTS || place.protocol == IPPROTO_ROUTING || place.protocol == IPPROTO_DSTOPTS) {
    if (place.begin + 8 > packet.size()) return std::nullopt;
    place.protocol = packet[place.begin];
    place.begin += (std::size_t{packet[place.begin + 1]} + 1) * 8;
  }
  return place;
}

std::optional<Place> transport(Bytes packet) {
  if (packet.empty()) return std::nullopt;
  const auto place = packet[0] >> 4 == 6 ? transport_v6(packet) : transport_v4(packet);
  return place && place->begin < packet.size() ? place : std::nullopt;
}

struct Content {
  std::size_t begin;
  std::size_t checksum;  ///< Where that is.
};

std::optional<Content> content(const Packet& packet, const Place& place) {
  const std::size_t room = packet.size() - place.begin;
  Content found{};
  if (place.protocol == IPPROTO_TCP && room >= 20) {
    found = {place.begin + std::size_t{packet[place.begin + 12]} / 16 * 4, place.begin + 16};
  } else if (place.protocol == IPPROTO_UDP && room >= 8) {
    found = {place.begin + 8, place.begin + 6};
  } else {
    return std::nullopt;
  }
  return found.begin < packet.size() ? std::optional{found} : std::nullopt;
}

void flip(Packet& packet, std::size_t begin, Random& random) {
  const auto bit = static_cast<std::size_t>(random.below((packet.size() - begin) * 8));
  packet[begin + bit / 8] = static_cast<std::uint8_t>(packet[begin + bit / 8] ^ (1U << (bit % 8)));
}

std::uint32_t folded(std::uint32_t total) {
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
}

/// The sum that the Internet checksum is the complement of (RFC 1071).
std::uint32_t sum(Bytes bytes) {
  std::uint32_t total = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) total += bytes[i] << (i % 2 == 0 ? 8 : 0);
  return folded(total);
}

bool is_v6(Bytes packet) { return packet[0] >> 4 == 6; }

/// What UDP's checksum covers, with the addresses, where its header begins at `begin`.
std::uint32_t udp_sum(Bytes packet, std::size_t begin) {
  const auto addresses = is_v6(packet) ? packet.subspan(8, 32) : packet.subspan(12, 8);
  return folded(sum(addresses) + IPPROTO_UDP + static_cast<std::uint32_t>(packet.size() - begin) +
                sum(packet.subspan(begin)));
}

}  // namespace

bool flip_a_bit(Packet& packet, Checksum checksum, Random& random) {
  const auto place = transport(packet);
  if (!place) return false;
  if (checksum == Checksum::wrong) {
    flip(packet, place->begin, random);
    return true;
  }
  const auto carried = content(packet, *place);
  if (!carried) return false;
  const bool unchecked = place->protocol == IPPROTO_UDP && word(packet, carried->checksum) == 0;
  const std::uint32_t before = sum(Bytes{packet}.subspan(place->begin));
  flip(packet, carried->begin, random);
  if (unchecked) return true;
  // The old checksum is part of both sums: what the rest has gained, the new one has to lose (RFC 1624).
  const std::uint32_t now = sum(Bytes{packet}.subspan(place->begin));
  std::uint32_t fitting =
      folded(static_cast<std::uint32_t>(word(packet, carried->checksum)) + before + (~now & 0xffff));
  if (fitting == 0) fitting = 0xffff;  // 0 would say that UDP's is unchecked; to TCP both are the same
  set_word(packet, carried->checksum, fitting);
  return true;
}

std::optional<std::size_t> udp_payload(std::span<const std::uint8_t> packet) {
  const auto place = transport(packet);
  if (!place || place->protocol != IPPROTO_UDP || packet.size() - place->begin < udp_header) return std::nullopt;
  const std::size_t begin = place->begin;
  if (!is_v6(packet) && (begin < 20 || (word(packet, 6) & 0x3fff) != 0)) return std::nullopt;  // a fragment
  if (word(packet, begin + 4) != packet.size() - begin) return std::nullopt;
  const bool unchecked = !is_v6(packet) && word(packet, begin + 6) == 0;
  if (!unchecked && udp_sum(packet, begin) != 0xffff) return std::nullopt;
  return begin + udp_header;
}

void replace_udp_payload(Packet& packet, std::size_t begin, std::span<const std::uint8_t> payload) {
  const std::size_t udp = begin - udp_header;
  packet.resize(begin);
  packet.insert(packet.end(), payload.begin(), payload.end());
  if (is_v6(packet)) {
    set_word(packet, 4, packet.size() - 40);
  } else {
    set_word(packet, 2, packet.size());
    set_word(packet, 10, 0);
    set_word(packet, 10, ~sum(Bytes{packet}.first(std::size_t{packet[0] & 0xfU} * 4)) & 0xffff);
  }
  set_word(packet, udp + 4, packet.size() - udp);
  set_word(packet, udp + 6, 0);
  const std::uint32_t fitting = ~udp_sum(packet, udp) & 0xffff;
  set_word(packet, udp + 6, fitting == 0 ? 0xffff : fitting);
}

}  // namespace troop::agents
