/** `/`: all sessions. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { HomeView, type HomeQuery } from "@/features/home/home-view";

export function HomeRoute() {
  const search = useSearch({ from: "/" });
  const navigate = useNavigate({ from: "/" });
  const change = (query: HomeQuery) => {
    void navigate({ search: (held) => ({ ...held, ...query }), replace: true });
  };
  return <HomeView query={search} onQuery={change} />;
}
