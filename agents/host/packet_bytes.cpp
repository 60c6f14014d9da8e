#include "agents/host/packet_bytes.hpp"

#include <netinet/in.h>

#include <optional>

namespace troop::agents {
namespace {

using Packet = std::vector<std::uint8_t>;

struct Place {
  std::size_t begin;  ///< Of the transport's header.
  int protocol;
};

std::size_t word(const Packet& packet, std::size_t at) { return std::size_t{packet[at]} << 8 | packet[at + 1]; }

std::optional<Place> transport_v4(const Packet& packet) {
  if (packet.size() < 20 || word(packet, 2) != packet.size()) return std::nullopt;  // cut short: not whole
  return Place{std::size_t{packet[0] & 0xfU} * 4, packet[9]};
}

std::optional<Place> transport_v6(const Packet& packet) {
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

std::optional<Place> transport(const Packet& packet) {
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

/// The sum that the Internet checksum is the complement of, over what starts at `begin` (RFC 1071).
std::uint32_t sum(const Packet& packet, std::size_t begin) {
  std::uint32_t total = 0;
  for (std::size_t i = begin; i < packet.size(); ++i) total += packet[i] << ((i - begin) % 2 == 0 ? 8 : 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
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
  const std::uint32_t before = sum(packet, place->begin);
  flip(packet, carried->begin, random);
  if (unchecked) return true;
  // The old checksum is part of both sums: what the rest has gained, the new one has to lose (RFC 1624).
  std::uint32_t fitting =
      static_cast<std::uint32_t>(word(packet, carried->checksum)) + before + (~sum(packet, place->begin) & 0xffff);
  while (fitting > 0xffff) fitting = (fitting & 0xffff) + (fitting >> 16);
  if (fitting == 0) fitting = 0xffff;  // 0 would say that UDP's is unchecked; to TCP both are the same
  packet[carried->checksum] = static_cast<std::uint8_t>(fitting >> 8);
  packet[carried->checksum + 1] = static_cast<std::uint8_t>(fitting & 0xff);
  return true;
}

}  // namespace troop::agents
