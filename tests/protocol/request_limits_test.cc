/// Every list that a peer may send to the broker has a bound, and it holds.
#include <gtest/gtest.h>

#include "common/protocol/codec.h"
#include "common/protocol/fields.h"

namespace landseer::protocol {
namespace {

/// Walks over the types of a message; `lists` gets each list, as "Message.field".
class ListWalk {
 public:
  std::vector<std::string> unbounded;
  std::size_t bounded = 0;

  template <class T>
  void message(const std::string& name) {
    if constexpr (HasFields<T>) {
      T value{};
      T::fields(value, [&](const char* field, auto&& ref) { look(name + "." + field, ref); });
    }
  }

 private:
  template <class T>
  void look(const std::string& name, const AddedRef<T>& field) {
    look(name, field.value);
  }
  template <class T>
  void look(const std::string& name, const AtMostRef<std::vector<T>>&) {
    ++bounded;
    message<T>(name);
  }
  template <class T>
  void look(const std::string& name, const std::vector<T>&) {
    unbounded.push_back(name);
    message<T>(name);
  }
  template <class T>
  void look(const std::string& name, const T&) {
    message<T>(name);
  }
};

template <class Variant, std::size_t... I>
void walk_all(ListWalk& walk, std::index_sequence<I...>) {
  (walk.message<std::variant_alternative_t<I, Variant>>("message " + std::to_string(I + 1)), ...);
}

template <class Variant>
void walk_all(ListWalk& walk) {
  walk_all<Variant>(walk, std::make_index_sequence<std::variant_size_v<Variant>>());
}

TEST(RequestLimits, EveryListOfARequestIsBounded) {
  ListWalk walk;
  walk_all<FromWorker>(walk);
  walk_all<FromClient>(walk);
  walk_all<BulkRequest>(walk);
  EXPECT_EQ(walk.unbounded, std::vector<std::string>());
  EXPECT_GE(walk.bounded, 15u) << "the walk sees lists";
  walk = {};
  walk_all<ToWorker>(walk);
  EXPECT_FALSE(walk.unbounded.empty()) << "it sees those without a bound, too";
}

template <class T, class Act>
void for_bounded(const AddedRef<T>& field, Act&& act) {
  for_bounded(field.value, act);
}
template <class List, class Act>
void for_bounded(const AtMostRef<List>& field, Act&& act) {
  act(field.list, field.max);
}
template <class T, class Act>
void for_bounded(const T&, Act&&) {}

/// Tries each list of the message at its bound and beyond.
template <class Request, class T>
void try_lists(Result<Envelope<Request>> (*decode)(std::string_view), std::size_t& tried) {
  T message{};
  T::fields(message, [&](const char* name, auto&& field) {
    for_bounded(field, [&](auto& list, std::uint32_t max) {
      list.resize(max);
      EXPECT_TRUE(decode(encode(Request(message)))) << name << " of " << max;
      list.resize(max + 1);
      const auto refused = decode(encode(Request(message)));
      ASSERT_FALSE(refused) << name << " of " << max + 1;
      EXPECT_NE(refused.error().message.find(std::string("'") + name + "'"), std::string::npos)
          << refused.error().message;
      list.clear();
      ++tried;
    });
  });
}

template <class Request, std::size_t... I>
std::size_t try_all(Result<Envelope<Request>> (*decode)(std::string_view),
                    std::index_sequence<I...>) {
  std::size_t tried = 0;
  (try_lists<Request, std::variant_alternative_t<I, Request>>(decode, tried), ...);
  return tried;
}

template <class Request>
std::size_t try_all(Result<Envelope<Request>> (*decode)(std::string_view)) {
  return try_all<Request>(decode, std::make_index_sequence<std::variant_size_v<Request>>());
}

std::string encode_any(const FromWorker& m) { return encode(m); }

TEST(RequestLimits, EachHoldsAndNoneIsSmaller) {
  EXPECT_EQ(try_all<FromWorker>(&decode_from_worker), 14u);
  EXPECT_EQ(try_all<FromClient>(&decode_from_client), 1u);
}

TEST(RequestLimits, ListsInListsCountTogether) {
  Hello hello;
  hello.datasets.resize(kRequestItemsMax / kDatasetNamesMax);
  for (DatasetOffer& dataset : hello.datasets) dataset.names.resize(kDatasetNamesMax - 1);
  EXPECT_TRUE(decode_from_worker(encode_any(hello)));
  hello.runtimes = {"process"};
  EXPECT_FALSE(decode_from_worker(encode_any(hello)));
}

}  // namespace
}  // namespace landseer::protocol
