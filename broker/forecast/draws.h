/// Random numbers by name instead of by order: the same task of the same run gets the same draw
/// whatever the policy or the workers, so that their comparison is not one of luck.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace landseer::forecast {

/// The finalizer of splitmix64 (Steele, Lea, Flood, 2014).
constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15ull;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

template <class... Numbers>
constexpr std::uint64_t name_of(Numbers... numbers) {
  std::uint64_t name = 0;
  ((name = mix(name ^ static_cast<std::uint64_t>(numbers))), ...);
  return name;
}

constexpr std::uint64_t name_of_text(std::string_view text) {
  std::uint64_t name = text.size();
  for (const char c : text) name = mix(name ^ static_cast<unsigned char>(c));
  return name;
}

/// From the standard normal distribution (Box and Muller).
inline double normal(std::uint64_t name) {
  const auto unit = [](std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; };
  const double angle = 2 * std::numbers::pi * unit(mix(name));
  return std::sqrt(-2 * std::log(1 - unit(mix(name + 1)))) * std::cos(angle);
}

/// Around 1, with this standard deviation of the logarithm, and 1 in the mean.
inline double log_normal(double sigma, std::uint64_t name) {
  return sigma > 0 ? std::exp(sigma * normal(name) - sigma * sigma / 2) : 1.0;
}

}  // namespace landseer::forecast
