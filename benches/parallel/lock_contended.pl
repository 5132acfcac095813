# Seconds per turn of two processes that take the same lock all the time.
use strict; use warnings; use Time::HiRes 'time'; use MCE::Child; use MCE::Mutex;
my ($lock, $n) = (MCE::Mutex->new, 50_000);
my $start = time;
my @ps = map { MCE::Child->create(sub { for (1 .. $n) { $lock->lock; $lock->unlock } }) } 1 .. 2;
$_->join for @ps;
print +(time - $start) / (2 * $n), "\n";
