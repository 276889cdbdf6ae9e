// The people: any order at any time while there is trouble, and what has to be done once it is
// over.
#pragma once

#include "referee.hpp"

namespace yagura::sim {

class Operators {
 public:
  Operators(VirtualWorld& world, Referee& referee) : world_(world), referee_(referee) {}

  void use(Engine* engine, const Shape& shape, const Zone& zone) {
    if (engine == nullptr) waiting_.clear();  // Who asked sees the connection end.
    engine_ = engine;
    shape_ = shape;
    zone_ = zone;
  }
  void act(Random& random);
  void act_on_stops(Random& random);  // operators_stops.cpp
  void act_on_inquiries(Random& random);  // operators_inquiries.cpp
  // Ends what only people can end. True: nothing is left to do, for anybody.
  bool put_right();
  std::string what_is_left() const;
  // Orders without an answer.
  std::size_t waiting() const { return waiting_.size(); }
  // At the end: until each that is planned is over. Else those far off are cancelled.
  bool waits_for_stops = false;

 private:
  void plan_stop(Random& random);
  void change_stop(Random& random, const Stop& stop);
  void cancel_date(Random& random);
  std::set<ServiceName> some_services(Random& random) const;
  bool put_stops_right();
  void open_inquiry(const PersonName& by, Random& random);
  bool put_inquiries_right();
  void order(const PersonName& by, Order order, const std::string& text = {});
  std::string words() { return "words " + std::to_string(++words_) + "."; }

  VirtualWorld& world_;
  Referee& referee_;
  Engine* engine_ = nullptr;
  Shape shape_;
  Zone zone_;
  int words_ = 0, orders_ = 0;
  std::set<int> waiting_;
};

}  // namespace yagura::sim
