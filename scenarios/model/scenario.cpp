#include "scenarios/model/scenario.hpp"

namespace troop::model {

std::string producer_name(std::int64_t number) { return "producer-" + std::to_string(number); }
std::string consumer_name(std::int64_t number) { return "consumer-" + std::to_string(number); }
std::string reader_name(std::int64_t number) { return "reader-" + std::to_string(number); }

}  // namespace troop::model
